"""What a declaration or a call promises of a model's sizes, tried by running the model at those very sizes."""

from collections.abc import Mapping

from dagc.diagnostics import Diagnostic, Span
from dagc.ir.ops import ModelKey
from dagc.ir.types import Dim, Tensor, Type
from dagc.models.model_error import ModelError
from dagc.models.read import contract
from dagc.models.signature import Signature
from dagc.models.store import ModelStore
from dagc.trace.recorder import mistake

Declared = Mapping[str, Tensor]
Dims = tuple[Dim, ...]


def held_to(model: bytes, signature: Signature, declared: Declared, name: str) -> Signature:
    """The signature of a model that is only ever given inputs as declared, found by running it so.

    Raises:
        ModelError: E0410 when it cannot be run with them though it can with others; others as `read_model`.
    """
    pins = _fixed(signature, declared)
    if not pins:
        return signature
    try:
        return contract(model, pins, name)
    except ModelError as error:
        if error.code == "E0410" and not signature.ran:
            return signature  # its values are what nobody can guess, not its sizes
        raise


def called_with(
    store: ModelStore, key: ModelKey, signature: Signature, fed: Mapping[str, Type], name: str, span: Span | None
) -> Signature:
    """The signature at the sizes of one call, where the call fixes what the file leaves open.

    A call that the model refuses is reported (E0410) there, one too large to be tried is W0402; the signature then
    stays as it was.
    """
    tensors = {port: type for port, type in fed.items() if isinstance(type, Tensor)}
    try:
        return held_to(store.get(key), signature, tensors, name)
    except ModelError as error:
        found = error.at(span, "called with these sizes here")
        if error.code == "E0412":
            message = f"`{name}` was not tried at the sizes of this call: {error.message}"
            found = Diagnostic.at("W0402", message, span, "called here", notes=error.notes, help=error.help)
        mistake(found)
        return signature


def contradictions(
    declared: Signature, file: Signature, fed: Mapping[str, Type], name: str, span: Span | None
) -> list[Diagnostic]:
    """One E0445 for each input that a call gives a size that only `inputs=` forbids."""
    found = []
    for port, own in zip(declared.inputs, file.inputs, strict=True):
        given, wanted, known = fed.get(port.name), declared.example(port), file.example(own)
        if not isinstance(given, Tensor) or not _only_declared(given, wanted, known):
            continue
        message = f"input `{port.name}` of `{name}` is declared `{wanted}`, and this call gives it `{given}`"
        help = "give it what `inputs=` declares, or leave that size open there: `None`"
        found.append(Diagnostic.at("E0445", message, span, "called here", help=help))
    return found


def _only_declared(given: Tensor, wanted: Tensor, known: Tensor) -> bool:
    """Whether sizes differ from those declared and from none that the file fixes."""
    if given.dims is None or wanted.dims is None or len(given.dims) != len(wanted.dims):
        return False
    file_dims = known.dims if known.dims is not None else (None,) * len(given.dims)
    return _differ(given.dims, wanted.dims) and not _differ(given.dims, file_dims)


def _fixed(signature: Signature, declared: Declared) -> dict[str, Dims]:
    """The inputs of which something is fixed that the signature leaves open, with their dims."""
    found = {}
    for port in signature.inputs:
        wanted = declared[port.name].dims if port.name in declared else None
        if wanted is None:
            continue
        known = signature.example(port).dims or (None,) * len(wanted)
        if len(known) != len(wanted) or _differ(wanted, known):
            continue  # told as a wrong shape
        pinned = (isinstance(a, int) and not isinstance(b, int) for a, b in zip(wanted, known, strict=True))
        if any(pinned):
            found[port.name] = wanted
    return found


def _differ(one: Dims, other: Dims) -> bool:
    """Whether two lists of as many sizes have different numbers somewhere."""
    pairs = zip(one, other, strict=True)
    return any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)
