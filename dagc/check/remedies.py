"""What to change when a value does not fit where it goes: the text of a `help`."""

from dagc.diagnostics.suggest import closest
from dagc.ir.agree import disagreement
from dagc.ir.graph import Value
from dagc.ir.promotion import scalar_kind
from dagc.ir.types import Choice, ListOf, Optional, Record, Scalar, Tensor, Type


def remedy(value: Value, wanted: Type, declaration: str) -> str:
    """The likeliest fix: a field of the record, an element of the tensor, a case for `None`, the declaration."""
    match value.type, wanted:
        case Record() as record, _ if (field := _fitting_field(record, wanted, declaration)) is not None:
            return f"give its field: `{value.id}.{field}`"
        case Optional(item=item), _ if disagreement(item, wanted) is None:
            return "decide in a step what happens when it is `None`"
        case Tensor() as tensor, Scalar() | Choice():
            return _of_tensor(value, tensor, wanted, declaration)
        case Scalar() | Choice(), Tensor():
            return f"make the tensor in a step, or change {declaration} to `{value.type}`"
        case ListOf(item=item), _ if disagreement(item, wanted) is None:
            return "choose one item in a step"
        case Record(), Record() if closest(str(value.type), [str(wanted)]):
            return f"two classes with similar names: use `{wanted}` in both places"
    return f"convert it in a step, or change {declaration} to `{value.type}`"


def _fitting_field(record: Record, wanted: Type, declaration: str) -> str | None:
    """The only field that fits, or of several the one named most like the parameter."""
    fitting = [field.name for field in record.fields if disagreement(field.type, wanted) is None]
    if len(fitting) == 1:
        return fitting[0]
    named = declaration.rpartition("of `")[2].rstrip("`")
    return named if named in fitting else closest(named, fitting)


def _of_tensor(value: Value, tensor: Tensor, wanted: Type, declaration: str) -> str:
    if tensor.dims is not None and len(tensor.dims) == 1 and tensor.dims != (1,):
        return f"choose one element: `{value.id}[0]`"
    if isinstance(wanted, Choice) and tensor.dims in ((), (1,)):
        kind = scalar_kind(wanted.values[0])
        return f"nothing says that a model keeps to these values: change {declaration} to `{kind}`"
    if tensor.dims is None:
        return f"its number of axes is unknown: declare it in the model's contract, or change {declaration}"
    return f"make a `{wanted}` of it in a step, or change {declaration} to `{tensor}`"
