"""Small models as ONNX text, and constants for them."""

import numpy as np
from onnx import parser


def model(body: str, inputs: str = "float[N,4] x", outputs: str = "y", opset: int = 17, ml: int = 3) -> bytes:
    """`body` is ONNX text; outputs have no declared shape, and are float where nothing is said."""
    ports = ", ".join(name if " " in name else f"float {name}" for name in outputs.split(", "))
    header = f'<ir_version: 8, opset_import: ["" : {opset}, "ai.onnx.ml" : {ml}]>'
    proto = parser.parse_model(f"{header} agraph ({inputs}) => ({ports}) {{ {body} }}")
    content: bytes = proto.SerializeToString()
    return content


def floats(name: str, *dims: int) -> str:
    """A constant of that shape, filled with small numbers."""
    size = int(np.prod(dims)) if dims else 1
    shape = f"[{','.join(map(str, dims))}]" if dims else ""
    return (
        f"{name} = Constant<value = float{shape} {{{', '.join(f'{0.1 * i + 0.1:.1f}' for i in range(size))}}}>() "
    )


def whole(name: str, *numbers: int) -> str:
    """A vector of integers."""
    return f"{name} = Constant<value = int64[{len(numbers)}] {{{', '.join(map(str, numbers))}}}>() "


def one(name: str, number: int) -> str:
    """A scalar integer."""
    return f"{name} = Constant<value = int64 {{{number}}}>() "
