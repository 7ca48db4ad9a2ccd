"""`dagc lock` without the package index: what is installed here, pinned with hashes that nobody will look up."""

import sys
from importlib.metadata import version
from pathlib import Path

from dagc.artifacts.lock import make_lock
from dagc.artifacts.pinned import Pinned, normalised
from dagc.frontend import check_file
from dagc.diagnostics import Report
from dagc.plan.requirements import requirements

source = Path(sys.argv[1])
traced = check_file(source, Report(str(source.parent)))
names = {normalised(wanted) for wanted in requirements(traced[0].sources())} | {"onnxruntime"}
pins = [Pinned(name=name, version=version(name), hashes=("sha256:" + "0" * 64,)) for name in names]
models = {path: traced[0].store.get(key) for path, key in traced[0].models.items()}
(source.parent / "dagc.lock").write_bytes(make_lock(models, pins, dagc_version=version("dagc")).content())
