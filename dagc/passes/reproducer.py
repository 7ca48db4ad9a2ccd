"""A file that shows one pass failing: its name and the graph before it as JSON, without any model bytes."""

import json
import tempfile
from pathlib import Path

from dagc.ir.graph import Graph
from dagc.ir.serde import from_json, to_json


def write_reproducer(pass_name: str, graph: Graph) -> Path:
    """A new file in the system's temporary folder holding the pass's name and the graph it was given."""
    content = json.dumps({"pass": pass_name, "graph": json.loads(to_json(graph))}, indent=1)
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"dagc-{pass_name}-", suffix=".json", delete=False, encoding="utf-8"
    ) as file:
        file.write(content)
    return Path(file.name)


def read_reproducer(path: Path) -> tuple[str, Graph]:
    """The pass's name and the graph of a file that `write_reproducer` made."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return str(content["pass"]), from_json(json.dumps(content["graph"]))
