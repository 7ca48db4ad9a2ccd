"""Model bytes by content. The IR holds keys, the store holds bytes, and each model is parsed and loaded once."""

import hashlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from dagc.ir.ops import ModelKey
from dagc.models.cost import estimated_ms
from dagc.models.extensions import DISTRIBUTION, needed_by
from dagc.models.known import recalled
from dagc.models.labels import Labels, labels
from dagc.models.optimise import optimise
from dagc.models.rowwise import mixing
from dagc.models.runner import Runner
from dagc.models.shared_inputs import shared_inputs
from dagc.models.signature import Signature, read_signature


@dataclass(slots=True)
class ModelStore:
    """The models of one compilation."""

    _models: dict[ModelKey, bytes] = field(default_factory=dict)
    _originals: dict[ModelKey, ModelKey] = field(default_factory=dict)
    _signatures: dict[ModelKey, Signature] = field(default_factory=dict)
    _runners: dict[ModelKey, Runner] = field(default_factory=dict)
    _pool: ThreadPoolExecutor | None = None
    _optimising: dict[ModelKey, Future[bytes]] = field(default_factory=dict)
    _loading: dict[ModelKey, Future[Runner]] = field(default_factory=dict)
    _estimates: dict[ModelKey, float | None] = field(default_factory=dict)
    _mixing: dict[ModelKey, str | None] = field(default_factory=dict)
    _shared: dict[ModelKey, frozenset[str]] = field(default_factory=dict)
    _made: dict[Hashable, ModelKey] = field(default_factory=dict)
    _labels: dict[ModelKey, Mapping[str, Labels]] = field(default_factory=dict)

    def add(self, model: bytes) -> ModelKey:
        """The key of the model, its SHA-256 in hex; equal bytes are held once."""
        key = ModelKey(hashlib.sha256(model).hexdigest())
        self._models.setdefault(key, model)
        return key

    def add_made(self, recipe: Hashable, make: Callable[[], bytes]) -> ModelKey:
        """The key of the model that `make` makes, which is called once for each recipe; raises what it raises."""
        if recipe not in self._made:
            self._made[recipe] = self.add(make())
        return self._made[recipe]

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Inside it, what is begun goes on on two threads, since onnxruntime does without Python's lock.

        Not more, because the memory of all models in work adds up, several times their size. At the end what has
        not begun is dropped, and what has is waited for.
        """
        with ThreadPoolExecutor(2, "dagc-models") as pool:
            self._pool = pool
            try:
                yield
            finally:
                self._pool = None
                self._optimising, self._loading = {}, {}
                pool.shutdown(cancel_futures=True)

    def begin_optimising(self, key: ModelKey) -> None:
        """Optimise the model while other work goes on, inside `threads`; elsewhere nothing is begun."""
        if self._pool is not None and key not in self._optimising:
            self._optimising[key] = self._pool.submit(optimise, self._models[key])

    def begin_loading(self, key: ModelKey) -> None:
        """Make the model's session while other work goes on, inside `threads`; elsewhere nothing is begun."""
        if self._pool is not None and key not in self._loading and key not in self._runners:
            self._loading[key] = self._pool.submit(Runner, self._models[key])

    def optimised(self, key: ModelKey) -> ModelKey:
        """The key of what onnxruntime's optimiser makes of the model, begun ahead or not; raises as `optimise`."""
        begun = self._optimising.pop(key, None)
        return self.add_rewritten(optimise(self._models[key]) if begun is None else begun.result(), key)

    def add_rewritten(self, model: bytes, original: ModelKey) -> ModelKey:
        """The key of a model that computes what `original` does; analyses go on looking at `original`.

        For onnxruntime's optimiser, which puts in operators of its own that no analysis knows.
        """
        key = self.add(model)
        if key != original:
            self._originals.setdefault(key, self._originals.get(original, original))
        return key

    def get(self, key: ModelKey) -> bytes:
        """The bytes of a model that was added."""
        return self._models[key]

    def signature(self, key: ModelKey) -> Signature:
        """What the model takes and gives; raises `ModelError` as `read_signature`.

        Of a model that came from a file it is what running it showed, of one the compiler made what it declares.
        """
        if key not in self._signatures:
            self._signatures[key] = recalled(key) or read_signature(self._models[key])
        return self._signatures[key]

    def labels(self, key: ModelKey, output: str) -> Labels | None:
        """The class labels an output of the model is about, where its file says so: `labels.labels`, once."""
        if key not in self._labels:
            self._labels[key] = labels(self._models[key])
        return self._labels[key].get(output)

    def library(self, key: ModelKey) -> str | None:
        """The distribution whose operators the model needs beside onnxruntime's own, if it needs one."""
        return DISTRIBUTION if needed_by(self._models[key]) else None

    def runner(self, key: ModelKey) -> Runner:
        """A session of the model, made once, begun ahead or not; raises `ModelError` E0404."""
        if key not in self._runners:
            begun = self._loading.pop(key, None)
            self._runners[key] = Runner(self._models[key]) if begun is None else begun.result()
        return self._runners[key]

    def unload(self) -> None:
        """Let go of all sessions; one that is asked for again is made anew.

        Each keeps the memory of its largest run: half a gigabyte after the proof of `graphs/ocr`.
        """
        self._runners.clear()

    def mixing(self, key: ModelKey) -> str | None:
        """Why requests may not share a run of the model, or `None` when they may: `rowwise.mixing`, once."""
        original = self._originals.get(key, key)
        if original not in self._mixing:
            self._mixing[original] = mixing(self._models[original]) or self._one_at_a_time(original)
        return self._mixing[original]

    def shared_inputs(self, key: ModelKey) -> frozenset[str]:
        """The inputs on which requests have to agree to share a run: `shared_inputs.shared_inputs`, once."""
        original = self._originals.get(key, key)
        if original not in self._shared:
            self._shared[original] = shared_inputs(self._models[original])
        return self._shared[original]

    def estimated_ms(self, key: ModelKey) -> float | None:
        """What a run of one example should take, if operators and sizes tell: `cost.estimated_ms`, once."""
        original = self._originals.get(key, key)
        if original not in self._estimates:
            self._estimates[original] = estimated_ms(self._models[original])
        return self._estimates[original]

    def _one_at_a_time(self, key: ModelKey) -> str | None:
        """Why a model takes no second example, if its file hides that and running it showed it."""
        signature = recalled(key)
        if signature is None or not any(port.type.dims and port.type.dims[0] == 1 for port in signature.inputs):
            return None
        return "the model takes one example at a time"
