"""Write models/late.onnx: a logistic regression of three numbers, where yours would be trained and exported."""

from pathlib import Path

import onnx
from onnx import parser

LATE = """<ir_version: 9, opset_import: ["": 17]>
late (float[N, 3] row) => (float[N] chance)
<float[3] weights = {0.004, 0.05, -1.5}, float[1] bias = {-1}>
{
    weighed = MatMul(row, weights)
    summed = Add(weighed, bias)
    chance = Sigmoid(summed)
}"""

if __name__ == "__main__":
    file = Path(__file__).with_name("models") / "late.onnx"
    file.parent.mkdir(exist_ok=True)
    onnx.save(parser.parse_model(LATE), file)
