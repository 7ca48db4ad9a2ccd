"""Recurrent models whose batch does not lie along axis 0, as exporters write them."""

import numpy as np
import onnx
from onnx import numpy_helper, parser

HIDDEN = 4


def sequence_first() -> onnx.ModelProto:
    """An LSTM as torch exports it: `x[T, N, 3]`, `h0[1, N, 4]` and `c0` of it to `y[T, N, 4]`, `hn` and `cn`."""
    body = "{ long, hn, cn = LSTM<hidden_size = 4>(x, w, r, b, , h0, c0) y = Squeeze(long, one) }"
    state = "float[1,N,4]"
    return _weighted(
        f"g (float[T,N,3] x, {state} h0, {state} c0) => (float[T,N,4] y, {state} hn, {state} cn) {body}", 3
    )


def voice() -> onnx.ModelProto:
    """A voice detector: `input[N, S]`, `state[2, N, 4]` and a rate `sr[]` to `output[N, 1]` and `stateN[2, N, 4]`.

    One of two networks by the rate, each in a branch that reads the state from around it.
    """
    wide = _branch("wide", "slow", 2.0)
    narrow = _branch("narrow", "fast", -3.0)
    body = f"""{{
        is_wide = Equal(sr, sixteen)
        louder, hidden, cell = If (is_wide) <then_branch = {wide}, else_branch = {narrow}>
        output = ReduceMean<axes = [1]>(louder)
        both = Concat<axis = 0>(hidden, cell)
        stateN = Identity(both)
    }}"""
    ports = "(float[N,S] input, float[2,N,4] state, int64 sr) => (float[N,1] output, float[2,N,4] stateN)"
    proto = _weighted(f"g {ports} {body}", 1)
    proto.graph.initializer.append(numpy_helper.from_array(np.array(16_000), "sixteen"))
    return proto


VOICE_AXES = {"state": 1, "stateN": 1, "sr": None}
LSTM_AXES = dict.fromkeys(("x", "h0", "c0", "y", "hn", "cn"), 1)


def _branch(name: str, prefix: str, gain: float) -> str:
    p = prefix
    return f"""{name} () => (float[N,4] {p}_louder, float[1,N,4] {p}_hidden, float[1,N,4] {p}_cell) {{
        {p}_gain = Constant<value = float {{{gain}}}>()
        {p}_loud = Mul(input, {p}_gain)
        {p}_turned = Transpose<perm = [1, 0]>({p}_loud)
        {p}_x = Unsqueeze({p}_turned, two)
        {p}_h = Gather<axis = 0>(state, zeroth)
        {p}_c = Gather<axis = 0>(state, one)
        {p}_y, {p}_hidden, {p}_cell = LSTM<hidden_size = 4>({p}_x, w, r, b, , {p}_h, {p}_c)
        {p}_louder = Squeeze({p}_hidden, zeroth)
    }}"""


def _weighted(text: str, columns: int) -> onnx.ModelProto:
    proto = parser.parse_model(f'<ir_version: 9, opset_import: ["" : 17]> {text}')
    random = np.random.default_rng(20_261_123)
    shapes = {"w": (1, 16, columns), "r": (1, 16, HIDDEN), "b": (1, 32)}
    stored = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    stored |= {"zeroth": np.array([0]), "one": np.array([1]), "two": np.array([2])}
    proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in stored.items())
    return proto
