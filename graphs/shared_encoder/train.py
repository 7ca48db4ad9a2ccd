"""Cut the encoder out of magika, train three heads, write requests: `python train.py`.

Needs `pip install dagc[convert] magika==1.0.3` (Apache-2.0). The encoder is magika's network without its last
layer: 2,048 bytes of a file in, 512 numbers out. The heads are forests, trained on made-up files; every answer in
`requests/` is scikit-learn's own, of the embedding that onnxruntime computes.
"""

import json
import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from graph import first_and_last
from numpy.typing import NDArray
from onnx.utils import Extractor
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

Head = RandomForestClassifier | RandomForestRegressor

HERE = Path(__file__).parent
EMBEDDING = "jax2tf_get_logits_/pjit_get_logits_/MagikaV2/LayerNorm_1/AddV2_1:0"
OPSETS = {"": 15, "ai.onnx.ml": 3}
WIDTH = 512
NAMES = ("price", "amount", "country", "user", "total", "weight", "index", "label")
FAMILIES = {
    "python": "code", "shell": "code", "sql": "code", "json": "data", "csv": "data", "ini": "data",
    "html": "markup", "markdown": "markup",
}  # fmt: skip


def main() -> None:
    """Write `models/*.onnx` and `requests/*.jsonl`."""
    cut_encoder()
    draw = random.Random(0)
    written = [(language, text_of(language, draw)) for _ in range(40) for language in FAMILIES]
    texts = [text for _, text in written]
    rows = embedded(texts)
    answers: dict[str, list[str] | list[float]] = {
        "language": [language for language, _ in written],
        "family": [FAMILIES[language] for language, _ in written],
        "digits": [sum(letter.isdigit() for letter in text) / len(text) for text in texts],
    }
    fit = len(texts) // 2
    heads = {name: fitted(name, rows[:fit], wanted[:fit]) for name, wanted in answers.items()}
    for name, head in heads.items():
        export(name, head, WIDTH)
        print(name, head.score(rows[fit:], answers[name][fit:]))
    older = RandomForestClassifier(n_estimators=5, random_state=0).fit(rows[:fit, :256], answers["family"][:fit])
    export("older_family", older, 256)
    kept = [at for at in range(fit, len(texts)) if is_steady(rows[at], list(heads.values()))][:20]
    print(f"of the texts up to number {kept[-1] - fit}, 20 are steady")
    said = {name: head.predict(rows[kept]).tolist() for name, head in heads.items()}
    asked = [texts[at] for at in kept]
    write("language", asked, said["language"])
    write("family", asked, said["family"])
    write("digits", asked, [[answer] for answer in said["digits"]])
    write("described", asked, [dict(zip(said, one, strict=True)) for one in zip(*said.values(), strict=True)])


def fitted(name: str, rows: NDArray[np.float32], wanted: list[str] | list[float]) -> Head:
    """The forest for a question."""
    forest = RandomForestRegressor if name == "digits" else RandomForestClassifier
    return forest(n_estimators=20, max_depth=5, random_state=0).fit(rows, wanted)


def is_steady(row: NDArray[np.float32], heads: list[Head]) -> bool:
    """Whether no answer changes where the embedding moves a little: other CPUs round it otherwise."""
    near = row + np.random.default_rng(0).uniform(-5e-4, 5e-4, (200, WIDTH)).astype(np.float32)
    return all(len(set(head.predict(near).tolist())) == 1 for head in heads)


def cut_encoder() -> None:
    """The model of the installed magika up to what its last layer reads, for one file at a time.

    In a batch its embeddings move by up to 7e-5, for it computes a variance as a difference of large numbers; a
    build refuses such a model (E0804), since a forest may answer differently for it.
    """
    spec = find_spec("magika")
    if spec is None or spec.origin is None:
        raise SystemExit("magika is not installed")
    model = onnx.load(Path(spec.origin).parent / "models" / "standard_v3_3" / "model.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    model = onnx.shape_inference.infer_shapes(model)
    cut = Extractor(model).extract_model(["bytes"], [EMBEDDING])
    (output,) = cut.graph.output
    for node in cut.graph.node:
        node.output[:] = ["embedding" if name == EMBEDDING else name for name in node.output]
    output.CopyFrom(onnx.helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, [1, WIDTH]))
    (HERE / "models" / "encoder.onnx").write_bytes(cut.SerializeToString(deterministic=True))


def embedded(texts: list[str]) -> NDArray[np.float32]:
    """The embedding of each text, one at a time, as `f32[texts, 512]`."""
    session = onnxruntime.InferenceSession(HERE / "models" / "encoder.onnx", providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"bytes": first_and_last(text)[None]})[0] for text in texts])


def text_of(language: str, draw: random.Random) -> str:
    """A file of some lines in the language, with made-up names and numbers."""
    names, lines = draw.sample(NAMES, 4), []
    for _ in range(draw.randint(25, 45)):
        a, b = draw.choice(names), draw.choice(names)
        number = round(draw.uniform(-1000, 1000), draw.randint(0, 4))
        lines.append(
            {
                "python": f"def {a}_of({b}):\n    return self.{a} * {number} if {b} else None",
                "shell": f'for {a} in $(ls "${b}"); do\n  echo "{a}: ${{{a}}}" >> /tmp/{b}.log || exit 1\ndone',
                "sql": f"SELECT {a}, SUM({b}) FROM {a}s WHERE {b} > {number} GROUP BY {a} ORDER BY 2 DESC;",
                "json": f'  {{"{a}": {number}, "{b}": ["{a}", {number}], "{a}_{b}": null}},',
                "csv": f"{a},{number},{b},{draw.randint(0, 99)},{number * 2:.2f}",
                "ini": f"[{a}.{b}]\n{a} = {number}\n; {b} of {a}\n{b} = {a}",
                "html": f'<div class="{a}"><p id="{b}">{a} of {b}: <b>{number}</b></p></div>',
                "markdown": f"## {a.title()} and {b}\n\n* **{a}** is [{b}](#{b}), about `{number}`\n* _{b}_\n",
            }[language]
        )
    frame = {
        "json": ("[", '  {"end": true}]'),
        "html": ("<html><body>", "</body></html>"),
        "shell": ("#!/bin/sh", ""),
    }
    before, after = frame.get(language, ("", ""))
    return "\n".join((before, *lines, after)).strip() + "\n"


def export(name: str, head: Head, width: int) -> None:
    """Convert one head: an embedding in; a label and probabilities, or a number, out."""
    options = {id(head): {"zipmap": False}} if isinstance(head, RandomForestClassifier) else None
    made = convert_sklearn(
        head, name, [("embedding", FloatTensorType([None, width]))], target_opset=OPSETS, options=options
    )
    (HERE / "models" / f"{name}.onnx").write_bytes(made.SerializeToString())


def write(graph: str, texts: list[str], answers: list[object]) -> None:
    """Write all cases of a graph, one a line."""
    cases = [
        {"graph": graph, "request": {"text": text}, "response": answer, "tolerance": 1e-5}
        for text, answer in zip(texts[:20], answers[:20], strict=True)
    ]
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    (HERE / "requests" / f"{graph}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
