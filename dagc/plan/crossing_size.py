"""What crosses a cut in a few words, with its bytes where the types tell them."""

import math

from dagc.plan.wire_types import WireType

_BYTES = {
    "bool": 1, "f16": 2, "f32": 4, "f64": 8, "i8": 1, "i16": 2, "i32": 4, "i64": 8,
    "u8": 1, "u16": 2, "u32": 4, "u64": 8,
}  # fmt: skip


def crossing(type: WireType) -> str:
    """`f32[30] (120 B)`, `Profile`, `list[str]`."""
    match type.kind:
        case "tensor":
            dims = "..." if type.dims is None else ", ".join("?" if dim is None else str(dim) for dim in type.dims)
            size = tensor_bytes(type)
            return f"{type.dtype}[{dims}]" + ("" if size is None else f" ({size} B)")
        case "scalar":
            return type.scalar or "?"
        case "class":
            return type.home[1] if type.home else "?"
        case "optional":
            return f"{crossing(type.items[0])} or nothing"
        case "list" | "tuple":
            return f"{type.kind}[{', '.join(map(crossing, type.items))}]"
        case kind:
            return kind


def tensor_bytes(type: WireType) -> int | None:
    """Bytes of a tensor's elements, where all sizes are fixed and its elements have one."""
    if type.dims is None or type.dtype not in _BYTES or not all(isinstance(dim, int) for dim in type.dims):
        return None
    return _BYTES[type.dtype] * math.prod(dim for dim in type.dims if isinstance(dim, int))
