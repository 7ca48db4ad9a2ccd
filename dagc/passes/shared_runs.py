"""Which models of a graph requests share runs of, as far as fusion has to know it.

A model in which one operator does not keep rows apart is run once for each request, whatever else it consists of.
A fused model is proven as one, and only where that fails are its members asked: most graphs pay nothing for this.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dagc.ir.graph import Node
from dagc.ir.ops import ModelKey, RunModel
from dagc.models.cost import least_ms
from dagc.models.store import ModelStore

WORTH_SHARING_MS = 0.05
"""A second session costs a request about 0.02 ms. A model that takes less than this, of which 0.015 are
onnxruntime's own, would not win that back by sharing runs: arithmetic, a scaler, a few trees. It goes with whoever
it stands beside. Where sizes are free it is what the run takes at least.
"""


class RunsLost(Exception):
    """Requests would not share runs that they have now: the groups are to be formed anew, by what is known now."""


@dataclass(slots=True)
class SharedRuns:
    """What the proofs of a graph's models say; nothing, before a fused one has shown that they are needed."""

    _store: ModelStore
    _needed: bool = False

    def lost(self, group: Sequence[Node], fused: ModelKey) -> str | None:
        """Why requests do not share runs of a fused model, where they share and gain by those of one in it.

        Raises:
            RunsLost: the first time that there is a reason.
        """
        reason = self._store.mixing(fused)
        if reason is None or not any(map(self._is_worth, group)):
            return None
        if not self._needed:
            self._needed = True
            raise RunsLost
        return reason

    def alone(self, node: Node) -> str | None:
        """Why requests do not share the runs of a model; `None` too as long as nobody needs to know."""
        return self._reason(node) if self._needed else None

    def worth(self, node: Node) -> bool:
        """Whether requests share the runs of a model, and gain by it more than a session of its own costs."""
        return self._needed and self._is_worth(node)

    def _reason(self, node: Node) -> str | None:
        return self._store.mixing(node.op.model) if isinstance(node.op, RunModel) else None

    def _is_worth(self, node: Node) -> bool:
        if not isinstance(node.op, RunModel) or self._reason(node) is not None:
            return False
        key = node.op.model
        estimate = self._store.estimated_ms(key)
        if estimate is None:
            estimate = least_ms(self._store.get(key), self._store.signature(key).operators)
        return estimate >= WORTH_SHARING_MS
