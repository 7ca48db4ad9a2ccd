"""Which paths are the protocol's, which model each asks for, and how it wants to be refused."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..answer import Answer

if TYPE_CHECKING:
    from .joined import Model

ROOT = "/v2"


def is_inference(path: str) -> bool:
    """Whether a path, decoded, belongs to the protocol."""
    return path == ROOT or path.startswith(f"{ROOT}/")


def parts_of(path: str) -> list[str]:
    """What a path says after `/v2`."""
    return path.strip("/").split("/")[1:]


def asked_model(path: str, models: "Sequence[Model]") -> "Model | None":
    """The model that a path names, by its version too where it says one."""
    parts = parts_of(path)
    if len(parts) < 2 or parts[0] != "models":
        return None
    versioned = len(parts) > 3 and parts[2] == "versions"
    named = (model for model in models if model.name == parts[1])
    return next((model for model in named if not versioned or parts[3] == model.version), None)


def in_protocol(answer: Answer) -> Answer:
    """A refusal as the protocol writes it: `{"error": "<message>"}`."""
    text = json.dumps({"error": message_of(answer)}, separators=(",", ":"))
    return answer._replace(body=text.encode() if answer.body else b"")


def message_of(answer: Answer) -> str:
    """What a refusal says, in one text: its message, after the field that it is about."""
    if not answer.body:
        return f"status {answer.status}"
    error: Mapping[str, str] = json.loads(answer.body)["error"]
    field, message = error.get("field"), error["message"]
    return message if field is None or f"`{field}`" in message else f"`{field}`: {message}"
