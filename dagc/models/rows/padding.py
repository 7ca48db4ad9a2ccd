"""Words of texts: rows of them are padded to the longest of the batch, and few operators may read padding.

Row n holds what it holds alone, and padding behind it. `TfIdfVectorizer` counts the terms it knows; where padding
is none of them, nor part of one, it counts the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dagc.models.rows.call import Call
from dagc.models.rows.layout import RULES as LAYOUT
from dagc.models.rows.reductions import RULES as REDUCTIONS
from dagc.models.rows.size import ONE
from dagc.models.rows.value import MISFITS, Mixes, Padded, Place, Tensor, Value, placed, settled


def worded(call: Call, domain: str, reason: str) -> Sequence[Value] | None:
    """The outputs of an operator that makes, changes or counts words; `None` if it is none of these.

    `reason` is what a use of the words as anything else will be told.
    """
    follow = _FOLLOWED.get((domain, call.node.op_type))
    if follow is None or call.mixed is not None or not call.inputs:
        return None
    try:
        return follow(call, reason)
    except (Mixes, *MISFITS):
        return None


def _cut(call: Call, reason: str) -> Sequence[Value] | None:
    """`Tokenizer`: a further axis, as long as the longest row of the batch."""
    given = settled(call.inputs[0]) if call.inputs[0] is not None else None
    padding = call.attributes.get("pad_value")
    if not isinstance(given, Tensor) or given.place is None or given.dims is None or padding is None:
        return None
    length = call.new_size("words")
    return [Padded(placed(given.place, [*given.dims, length]), length, padding.s, reason)]


def _laid_out(call: Call, _reason: str) -> Sequence[Value] | None:
    """The words keep their order, whatever the axes are."""
    given = call.inputs[0]
    if not isinstance(given, Padded):
        return None
    (result,) = LAYOUT[call.node.op_type](replace(call, inputs=(given.tensor, *call.inputs[1:])))
    return [replace(given, tensor=result)] if isinstance(result, Tensor) else None


def _same(call: Call, _reason: str) -> Sequence[Value] | None:
    given = call.inputs[0]
    return [given] if isinstance(given, Padded) else None


def _cased(call: Call, _reason: str) -> Sequence[Value] | None:
    """`StringNormalizer` over a line: word by word, as long as it drops none."""
    given = call.inputs[0]
    if not isinstance(given, Padded) or "stopwords" in call.attributes or len(given.tensor.dims or ()) != 1:
        return None
    return [given] if given.padding.lower() == given.padding.upper() and given.padding.isascii() else None


def _counted(call: Call, _reason: str) -> Sequence[Value] | None:
    """Each row is its own words and then only padding, which no term holds."""
    given = call.inputs[0]
    if not isinstance(given, Padded) or "pool_strings" not in call.attributes:
        return None
    dims = given.tensor.dims or ()
    if given.tensor.place != Place(0, ONE, ONE) or len(dims) != 2 or dims[1] != given.length:
        return None
    if given.padding in call.attributes["pool_strings"].strings:
        return None
    return REDUCTIONS["TfIdfVectorizer"](replace(call, inputs=(given.tensor,)))


_FOLLOWED: Mapping[tuple[str, str], Callable[[Call, str], Sequence[Value] | None]] = {
    **{("", name): _laid_out for name in ("Flatten", "Reshape", "Squeeze", "Unsqueeze")},
    ("", "Identity"): _same,
    ("", "StringNormalizer"): _cased,
    ("", "TfIdfVectorizer"): _counted,
    ("com.microsoft", "Tokenizer"): _cut,
}
"""By domain and name."""
