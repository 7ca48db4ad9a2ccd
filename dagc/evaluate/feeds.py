"""Values as a model takes them: one packing for an evaluated graph and for the proofs about it."""

from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np

from dagc.evaluate.kernels import Array, as_operand
from dagc.ir.ops import RunModel
from dagc.ir.types import Tensor
from dagc.models.dtypes import to_numpy
from dagc.models.signature import Signature


def packed_feeds(op: RunModel, signature: Signature, values: Sequence[object]) -> dict[str, Array]:
    """One example for each feed of the node, in the model's dtypes, without the batch axis."""
    types = feed_types(op, signature)
    return {name: as_tensor(value, types[name]) for name, value in zip(op.feeds, values, strict=True)}


def lane(feeds: Mapping[str, Array], agreed_on: Collection[str]) -> Hashable:
    """What examples have to have equal to share a run: every shape, and what requests agree on."""
    shapes = tuple(feed.shape for feed in feeds.values())
    return shapes, *(_content(feeds[name]) for name in feeds if name in agreed_on)


def feed_types(op: RunModel, signature: Signature) -> Mapping[str, Tensor]:
    """The type of one example of each feed. A feed the model does not have is an error of ours (KeyError)."""
    ports = {port.name: signature.example(port) for port in signature.inputs}
    return {name: ports[name] for name in op.feeds}


def as_tensor(value: object, wanted: Tensor) -> Array:
    """A Python value as an array of the wanted dtype and number of axes; an array has to have that dtype already.

    Raises:
        TypeError: an array of another dtype, or no number, string or truth value at all.
        ValueError: a string where a number is wanted.
    """
    operand = as_operand(value)
    if isinstance(operand, np.ndarray):
        if operand.dtype != to_numpy(wanted.dtype):
            raise TypeError(f"an array of {operand.dtype.name} was given where {wanted} is declared")
        return operand
    with np.errstate(over="ignore"):
        array = np.asarray(operand, dtype=to_numpy(wanted.dtype))
    return array.reshape((1,) * len(wanted.dims or ()))


def _content(array: Array) -> Hashable:
    return tuple(array.ravel().tolist()) if array.dtype.kind == "O" else array.tobytes()
