"""Write `alphabet.py`: the symbols the recogniser knows, which stand in the metadata of its file in the wheel."""

import os
from pathlib import Path

from graph import wheel

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
WIDTH = 55


def main() -> None:
    """Blank is symbol 0 and a space the last one, as the recogniser was trained."""
    import onnxruntime

    session = onnxruntime.InferenceSession(wheel("ch_PP-OCRv4_rec_infer.onnx"), providers=["CPUExecutionProvider"])
    known = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    text = "".join(["\0", *known, " "])
    rows = [ascii_safe(text[at : at + WIDTH]) for at in range(0, len(text), WIDTH)]
    lines = ['"""The symbols of the recogniser by number, written by `write_alphabet.py`; 0 is the blank."""', ""]
    lines += ["CHARACTERS = (", *(f"    {row}" for row in rows), ")", ""]
    Path(__file__).with_name("alphabet.py").write_text("\n".join(lines), encoding="utf-8")


def ascii_safe(text: str) -> str:
    """A literal in double quotes, as the formatter writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\0").replace("\u3000", "\\u3000")
    return f'"{escaped}"'


if __name__ == "__main__":
    main()
