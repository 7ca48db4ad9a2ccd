"""What the protocol tells of a service and of its models, before anybody asks anything of them."""

from ..settings import InferenceTensor
from .joined import Model
from .tensors import DATATYPES, free_shape

PLATFORM = "dagc"
EXTENSIONS = ("binary_tensor_data",)


def server_metadata(name: str, version: str) -> dict[str, object]:
    """Of the service."""
    return {"name": name, "version": version, "extensions": list(EXTENSIONS)}


def model_metadata(model: Model) -> dict[str, object]:
    """Of a model: its tensors with the batch axis and free sizes as -1."""
    inference = model.inference
    return {
        "name": model.name,
        "versions": [model.version],
        "platform": PLATFORM,
        "inputs": [_tensor(port) for port in inference.inputs],
        "outputs": [_tensor(port) for port in inference.outputs],
    }


def repository_index(models: tuple[Model, ...]) -> list[dict[str, object]]:
    """Of all models; what a build holds is always there."""
    return [{"name": each.name, "version": each.version, "state": "READY", "reason": ""} for each in models]


def _tensor(port: InferenceTensor) -> dict[str, object]:
    return {"name": port.name, "datatype": DATATYPES[port.dtype], "shape": free_shape(port)}
