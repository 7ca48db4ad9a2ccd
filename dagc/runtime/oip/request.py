"""A request to infer, whichever way it came: its inputs, and which outputs are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..feed import Array
from ..settings import InferenceSettings, InferenceTensor
from .tensors import Given, refuse

LONGEST_ID = 1024
_SHARED_MEMORY = "shared_memory_region"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that was asked for, as bytes or as a list."""

    name: str
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """`outputs` are those asked for; of none, all are meant, `binary` or not."""

    id: str
    inputs: tuple[Given, ...]
    outputs: tuple[Wanted, ...] = ()
    binary: bool = False


def chosen(
    request: Request, inference: InferenceSettings, arrays: Sequence[Array]
) -> list[tuple[InferenceTensor, Array, bool]]:
    """The outputs to answer with, each with whether as bytes."""
    known = {port.name: (port, array) for port, array in zip(inference.outputs, arrays, strict=True)}
    if not request.outputs:
        return [(port, array, request.binary) for port, array in known.values()]
    return [(*known[wanted.name], wanted.binary) for wanted in request.outputs]


def check_request(request: Request, inference: InferenceSettings) -> None:
    """Refuse what no answer can be made for.

    Raises:
        BadRequest: an id that is too long; an output that is unknown or asked for twice.
    """
    if len(request.id) > LONGEST_ID:
        refuse(f"`id` is longer than {LONGEST_ID} characters", "id")
    names = [wanted.name for wanted in request.outputs]
    if not {port.name for port in inference.outputs}.issuperset(names):
        known = ", ".join(f"`{port.name}`" for port in inference.outputs[:20])
        refuse(f"an output that is asked for is unknown, there are {known}", "outputs")
    if len(set(names)) < len(names):
        refuse("an output is asked for twice", "outputs")


def check_parameters(of_request: Mapping[str, object], of_tensors: Sequence[Mapping[str, object]]) -> None:
    """Refuse parameters that ask for what this service has not; the protocol lets a server ignore the others.

    Raises:
        BadRequest: naming the parameter.
    """
    if of_request.get("sequence_id") not in (None, 0, ""):
        refuse("`sequence_id` is not supported: no state is kept from one request to the next", "sequence_id")
    for parameters in of_tensors:
        if _SHARED_MEMORY in parameters:
            refuse("shared memory is not supported: send the data", _SHARED_MEMORY)
        if parameters.get("classification"):
            refuse("`classification` is not supported: ask for the output itself", "classification")
