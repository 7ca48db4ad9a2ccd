"""The majority label of several voters, element by element: labels are only compared, never computed with."""

from collections.abc import Sequence
from functools import reduce

from dagc.ir.ops import Vote
from dagc.ir.types import DType
from dagc.models.lower.choice import choose
from dagc.models.lower.emitter import EQUAL_STRINGS_OPSET, Emitter, LoweringNeeds, Operand


def vote(emitter: Emitter, op: Vote, operands: Sequence[Operand], out: DType) -> str:
    """The label most voters gave; on a tie the smallest, or the earliest voter's.

    Strings have no order in ONNX but in `Unique`, which sorts the labels of the whole batch at once: correct for
    every row, yet not row-wise, so with `ties="lowest"` a vote over strings is served one example at a time.
    """
    rank = max(operand.rank for operand in operands)
    labels = [emitter.take(operand, out, rank) for operand in operands]
    compared, dtype = labels, out
    if out is DType.STR and op.ties == "lowest":
        compared, dtype = _ranks(emitter, [emitter.take_rows(o, out, operands) for o in operands]), DType.I64
    elif out is DType.STR and emitter.opset < EQUAL_STRINGS_OPSET:
        raise LoweringNeeds(EQUAL_STRINGS_OPSET, "a vote over strings")
    counts = _counts(emitter, compared)
    best = (labels[0], compared[0], counts[0])
    for label, order, count in list(zip(labels, compared, counts, strict=True))[1:]:
        wins = emitter.op("Greater", count, best[2])
        if op.ties == "lowest":
            smaller = emitter.op("And", emitter.op("Equal", count, best[2]), emitter.op("Less", order, best[1]))
            wins = emitter.op("Or", wins, smaller)
        winner = choose(emitter, wins, label, best[0], out)
        leading = winner if compared is labels else choose(emitter, wins, order, best[1], dtype)
        best = (winner, leading, emitter.op("Max", count, best[2]))
    return best[0]


def _counts(emitter: Emitter, labels: Sequence[str]) -> list[str]:
    """For each voter how many voters agree with it, itself included."""
    same: dict[tuple[int, int], str] = {}
    for i in range(len(labels)):
        for j in range(i, len(labels)):
            equal = emitter.cast(emitter.op("Equal", labels[i], labels[j]), DType.BOOL, DType.I32)
            same[i, j] = same[j, i] = equal
    return [
        reduce(lambda total, other: emitter.op("Add", total, other), [same[i, j] for j in range(len(labels))])
        for i in range(len(labels))
    ]


def _ranks(emitter: Emitter, labels: Sequence[str]) -> list[str]:
    """Each label's place among all labels in sorted order (UTF-8 sorts as code points do)."""
    flat = [emitter.op("Reshape", label, emitter.whole(-1)) for label in labels]
    together = emitter.op("Concat", *flat, axis=0)
    inverse = emitter.ops("Unique", [together], 3, sorted=1)[2]
    sizes = emitter.op("Concat", *(emitter.op("Shape", name) for name in flat), axis=0)
    pieces = emitter.ops("Split", [inverse, sizes], len(labels), axis=0)
    shapes = [emitter.op("Shape", label) for label in labels]
    return [emitter.op("Reshape", piece, shape) for piece, shape in zip(pieces, shapes, strict=True)]
