"""One ONNX model in memory: checks and packs what it is fed, runs a batch, copies every example's results out.

Results are copies because a row that is a view of a batch was seen to hold another request's answer after the
next run; and because a view keeps the whole batch alive.
"""

import hashlib
import logging
import os
import time
from collections.abc import Hashable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

import numpy as np

from .batch_size import BatchSize
from .bound import MOST, Bound, is_bindable
from .executor import Executor
from .feed import Array, Example, Feed, FeedError, content
from .settings import SessionSettings, StartError, read_file

if TYPE_CHECKING:
    import onnxruntime

_LOG = logging.getLogger("dagc.runtime")

HEAVY_MS = 2.0
"""Runs above this go to a thread. The hop costs 0.2 ms, a tenth; runs below it delay no probe noticeably."""
RUNS_MEASURED = 5
_EXTENSION_DOMAINS = (b"ai.onnx.contrib", b"com.microsoft.extensions")


class Session:
    """A model of the service's folder, opened once; one that takes its place is another session."""

    is_step = False
    executor: Executor | None = None

    def __init__(self, settings: SessionSettings, folder: Path) -> None:
        self.name = settings.name
        self.max_batch = 1 if settings.one_by_one else settings.max_batch
        self.max_wait_s = 0.0 if settings.one_by_one else settings.max_wait_ms / 1000
        self.sizes = BatchSize(self.max_batch)
        self.sha256 = settings.sha256
        self.recent: Sequence[Example] = ()
        """What a model that may be replaced was asked last: its successor is tried on it."""
        self._path = folder / settings.model
        self._may_be_replaced = settings.reload is not None
        self._run_ms = settings.run_ms
        self.is_heavy = settings.run_ms is not None and settings.run_ms > HEAVY_MS
        """Whether a run takes so long that the loop must not wait for it."""
        self._slow_runs = 0
        self._feeds = tuple(Feed.of(settings.name, port) for port in settings.feeds)
        self._ports = settings.fetches
        self._fetches = [port.name for port in settings.fetches]
        self._free = any(feed.shape is None for feed in self._feeds)
        self._agreed_on = tuple(at for at, feed in enumerate(self._feeds) if feed.name in settings.agreed_on)
        self._one_lane = not self._free and not self._agreed_on
        self._model: onnxruntime.InferenceSession | None = None
        self._bound: dict[int, Bound] = {}

    def example(self, values: tuple[object, ...]) -> Example:
        """One request's arguments as `run` takes them: arrays, where `lane` needs their shapes or values.

        Raises:
            FeedError: their number is wrong, or a value does not fit; it names the session and the feed.
            OutOfRange: a Python number does not fit the feed's dtype.
        """
        if len(values) != len(self._feeds):
            raise FeedError(f"session `{self.name}` takes {len(self._feeds)} values, {len(values)} were given")
        if self._one_lane:
            return values
        return tuple([feed.row(value) for feed, value in zip(self._feeds, values, strict=True)])

    def lane(self, example: Example) -> Hashable:
        """What examples must have equal to share a run: the session, every shape, what they agree on."""
        if self._one_lane:
            return self
        arrays = cast("tuple[Array, ...]", example)
        return (self, *map(np.shape, arrays), *[content(arrays[at]) for at in self._agreed_on])

    def run(self, examples: Sequence[Example]) -> list[object]:
        """The results of each example, in order: one value, or a tuple when the session has several outputs.

        All examples must have one lane.

        Raises:
            FeedError, OutOfRange: a value of some example does not fit.
            Exception: whatever onnxruntime raises, for all of them at once.
        """
        if self._may_be_replaced:
            self.recent = examples
        if (bound := self._bound.get(len(examples))) is not None:
            return bound.run(examples)
        found = self.outputs(self.batch(examples))
        results = [self._split(column, len(examples)) for column in found]
        return results[0] if len(results) == 1 else list(zip(*results, strict=True))

    def batch(self, examples: Sequence[Example]) -> dict[str, Array]:
        """What the model is fed for these examples, the batch axis first; raises as `run`."""
        columns = zip(*examples, strict=True)
        return {feed.name: feed.batch(column) for feed, column in zip(self._feeds, columns, strict=True)}

    def outputs(self, feeds: Mapping[str, Array]) -> list[Array]:
        """What the model gives for a batch, in the order of the fetches; raises whatever onnxruntime raises."""
        if self._model is None:
            raise RuntimeError(f"session `{self.name}` is not open")
        found: list[Array] = self._model.run(self._fetches, feeds)
        return found

    def open(self) -> None:
        """Load the model from its file.

        Raises:
            StartError: `model_missing`, `model_changed` (another sha256), and as `load`.
        """
        model = read_file(self._path, "model")
        found = hashlib.sha256(model).hexdigest()
        if found != self.sha256:
            message = f"`{self._path.name}` has sha256 {found[:12]}..., service.json says {self.sha256[:12]}..."
            raise StartError("model_changed", message)
        self.load(model)

    def load(self, model: bytes) -> "onnxruntime.InferenceSession":
        """The model as onnxruntime has it, loaded from its bytes.

        Raises:
            StartError: `model_broken`, `model_ports`, `extensions_missing`.
        """
        loaded = _load(model, self._path.name)
        self._same_names(
            "inputs", [feed.name for feed in self._feeds], [port.name for port in loaded.get_inputs()]
        )
        self._same_names("outputs", self._fetches, [port.name for port in loaded.get_outputs()])
        self._model = loaded
        return loaded

    def size(self, waiting: int) -> int:
        """How many of `waiting` examples the next run in a thread takes, by what runs were seen to cost."""
        return self.sizes.of(waiting)

    def learn(self, example: Example, count: int, seconds: float) -> None:
        """A run of `count` examples of these shapes in a thread took so long."""
        self.sizes.took(tuple(map(np.shape, cast("tuple[Array, ...]", example))), count, seconds)

    def took(self, seconds: float) -> None:
        """A run of one batch on the loop took so long: several slow ones after another, and it is heavy.

        Only where dims are free: what a run on the smallest sizes took when the service began says nothing there.
        """
        if self._free and self._run_ms is None:
            self._slow_runs = self._slow_runs + 1 if 1000 * seconds > HEAVY_MS else 0
            self.is_heavy = self._slow_runs >= RUNS_MEASURED

    def warm(self) -> None:
        """Run on zeros, so that no request pays for onnxruntime's first allocations, and see how long it takes.

        A model may rightly refuse zeros, or sizes of 1 on its free dims: that is logged and stops nothing.
        """
        try:
            self._run_sample()
            if self._run_ms is None:
                run_ms = sorted(self._run_sample() for _ in range(RUNS_MEASURED))[RUNS_MEASURED // 2]
                self.is_heavy = run_ms > HEAVY_MS
            self._bind()
        except Exception as error:
            _LOG.info(
                "session `%s` does not run on zeros (%s), so it is not warm", self.name, type(error).__name__
            )

    def _bind(self) -> None:
        """Keep buffers for runs of a few examples, where they can stay and only one thread uses them."""
        if self._model is None or self.is_heavy or not is_bindable(self._feeds, self._ports):
            return
        counts = range(1, min(MOST, self.max_batch) + 1)
        self._bound = {count: Bound(self._model, self._feeds, self._ports, count) for count in counts}

    def _run_sample(self) -> float:
        """Milliseconds that one run on zeros took."""
        begun = time.perf_counter()
        self.run([tuple(feed.sample() for feed in self._feeds)])
        return (time.perf_counter() - begun) * 1000

    def _split(self, found: Array, count: int) -> list[object]:
        if found.ndim == 0 or len(found) != count:
            shape = list(found.shape)
            raise RuntimeError(f"session `{self.name}` was given {count} examples and returned shape {shape}")
        if found.ndim == 1:
            return [found[at, ...] for at in range(count)]  # a view of so few bytes may keep them alive
        return [row.copy() for row in found]

    def _same_names(self, what: str, wanted: Sequence[str], found: Sequence[str]) -> None:
        if (what == "outputs" and set(wanted) <= set(found)) or set(wanted) == set(found):
            return
        message = f"`{self._path.name}` has {what} {sorted(found)}, service.json says {sorted(wanted)}"
        raise StartError("model_ports", message)


def _load(model: bytes, name: str) -> "onnxruntime.InferenceSession":
    """A session with one thread and no spinning unless DAGC_THREADS says otherwise."""
    os.environ["ORT_DISABLE_TELEMETRY"] = (
        "1"  # only before the import does it stop the device id file and look-ups
    )
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = session_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # its errors reach us as exceptions; it need not print them as well
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if any(domain in model for domain in _EXTENSION_DOMAINS):
        _register_extensions(options, name)
    try:
        loaded = onnxruntime.InferenceSession(model, options, providers=_providers(onnxruntime))
    except Exception as error:
        raise StartError("model_broken", f"onnxruntime does not load `{name}`: {error}") from None
    # It keeps the file to begin anew on other providers, which never happens here: a second copy of every weight.
    loaded._model_bytes = b""
    return loaded


def _providers(library: "ModuleType") -> list[str]:
    """The CPU; where DAGC_GPU is 1 and onnxruntime has CUDA, that first. No other one is ever used."""
    on_cpu = ["CPUExecutionProvider"]
    if os.environ.get("DAGC_GPU") != "1":
        return on_cpu
    if "CUDAExecutionProvider" not in library.get_available_providers():
        _LOG.warning("DAGC_GPU is set and this onnxruntime has no CUDA: models run on the CPU")
        return on_cpu
    library.preload_dlls()  # CUDA and cuDNN from their wheels
    return ["CUDAExecutionProvider", *on_cpu]


def _register_extensions(options: "onnxruntime.SessionOptions", name: str) -> None:
    """Load the operators of onnxruntime-extensions, the only library that is ever loaded for a model."""
    try:
        library: str = import_module("onnxruntime_extensions").get_library_path()
    except ImportError:
        message = f"`{name}` needs the operators of onnxruntime-extensions: install requirements.txt"
        raise StartError("extensions_missing", message) from None
    options.register_custom_ops_library(library)


def session_threads() -> int:
    """Threads of one run, from DAGC_THREADS: 1 unless it says otherwise.

    Raises:
        StartError: `threads`.
    """
    text = os.environ.get("DAGC_THREADS", "1")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise StartError("threads", f"DAGC_THREADS must be a number from 1 to 1024, it is `{text[:40]}`")
    return int(text)
