"""Whether a model file can be served, and its signature: everything that native code has to say, in one place.

It runs in the limited process (`models/child.py`). What the compiler later lets native code do with the model,
ONNX's shape inference and onnxruntime's optimisers included, is done here first.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dagc.ir.types import Dim, Tensor
from dagc.models.batch_axes import BatchAxes, with_batch_axes
from dagc.models.example_feeds import vocabularies
from dagc.models.extensions import with_png_only
from dagc.models.external_data import external_bytes, external_locations, inline_external_data
from dagc.models.forbidden import refuse_forbidden
from dagc.models.foreign_format import not_onnx
from dagc.models.inferred_shapes import with_inferred_shapes
from dagc.models.limits import hold_to, limits_for
from dagc.models.model_error import PROTOBUF_LIMIT_BYTES, ModelError, too_large, unreadable
from dagc.models.plain_domains import with_plain_domains
from dagc.models.probe import NotRunError, probed, unprobed
from dagc.models.proto import parse, plain_domain
from dagc.models.runner import Runner
from dagc.models.signature import Port, Signature, signature_of
from dagc.models.trials import Trials, out_of_memory
from dagc.models.zipmap import without_zipmap

if TYPE_CHECKING:
    import onnx

Pins = dict[str, tuple[Dim, ...]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A servable model: its signature, and its bytes where they had to become others than the file's."""

    signature: Signature
    rewritten: bytes | None
    external: bool


def accept(content: bytes, name: str, folder: Path, pins: Pins, axes: BatchAxes) -> Accepted:
    """What is known of the model after looking at it in every way.

    Args:
        content: The file's bytes.
        name: What the file is called in messages.
        folder: Where its external data lies.
        pins: For some inputs, the dims of one example that a caller declares; `None` leaves one open.
        axes: Where the batch lies, for inputs and outputs of which it is not axis 0.

    Raises:
        ModelError: every code from E0402 on but E0403, E0408 and E0411.
    """
    proto = _parsed(content, name)
    _known_versions(proto, name)
    refuse_forbidden(proto, name)
    external = bool(external_locations(proto))
    if external:
        hold_to(limits_for(len(content) + external_bytes(proto, folder)))
        inline_external_data(proto, folder)
    remarks = (*without_zipmap(proto), *with_png_only(proto))
    spelled = with_plain_domains(proto)
    moved = with_batch_axes(proto, axes, name)
    rewritten = _whole(proto, name) if external or remarks or spelled or moved else None
    model = rewritten or content
    _checked(model, proto, name)
    declared = _pinned(signature_of(proto), pins)
    try:
        found = _run(declared, _trials(model, proto, declared), name, pins)
    except ModelError as error:
        if out_of_memory(" ".join(error.notes)):
            raise ModelError("E0412", f"loading `{name}` needs more memory than there is", error.notes) from error
        raise
    return Accepted(replace(found, remarks=(*remarks, *found.remarks)), rewritten, external)


def _parsed(content: bytes, name: str) -> "onnx.ModelProto":
    try:
        proto = parse(content)
    except ModelError as error:
        raise not_onnx(name, content, "its bytes are not an ONNX model") from error
    if not proto.opset_import or not proto.graph.output:
        raise not_onnx(name, content, "it names no operator set or no output")
    return proto


def _known_versions(proto: "onnx.ModelProto", name: str) -> None:
    import onnx

    newest = onnx.defs.onnx_opset_version()
    for entry in proto.opset_import:
        if plain_domain(entry.domain) == "" and entry.version > newest:
            raise ModelError(
                "E0404",
                f"`{name}` uses opset {entry.version}, and this runtime knows opsets up to {newest}",
                help=f"export the model with `opset_version={newest}` or older",
            )
    if proto.ir_version > onnx.IR_VERSION:
        raise ModelError(
            "E0404",
            f"`{name}` is written in version {proto.ir_version} of the format, and this runtime knows versions up "
            f"to {onnx.IR_VERSION}",
            help="export the model with an older `onnx`, or set an older `ir_version`",
        )


def _checked(model: bytes, proto: "onnx.ModelProto", name: str) -> None:
    from onnx import checker

    try:
        checker.check_model(_with_every_shape(model, proto))
    except Exception as error:  # the checker raises its own errors and bare RuntimeErrors
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise unreadable(name, f"ONNX's checker says: {first}") from error


def _with_every_shape(model: bytes, proto: "onnx.ModelProto") -> bytes:
    """The model as the checker wants it: exporters leave out a shape they do not know, and running it tells."""
    ports = (*proto.graph.input, *proto.graph.output)
    if not any(_lacks_shape(value) for value in ports):
        return model
    whole = type(proto)()
    whole.CopyFrom(proto)
    for value in (*whole.graph.input, *whole.graph.output):
        if _lacks_shape(value):
            value.type.tensor_type.shape.SetInParent()
    written: bytes = whole.SerializeToString()
    return written


def _lacks_shape(value: "onnx.ValueInfoProto") -> bool:
    return value.type.HasField("tensor_type") and not value.type.tensor_type.HasField("shape")


def _pinned(signature: Signature, pins: Pins) -> Signature:
    """The signature with declared sizes in place of free ones; fixed ones stay as the file has them."""
    inputs = tuple(_pinned_port(port, pins.get(port.name)) for port in signature.inputs)
    return replace(signature, inputs=inputs)


def _pinned_port(port: Port, pins: tuple[Dim, ...] | None) -> Port:
    dims = port.type.dims
    if pins is None or (dims is not None and len(dims) != len(pins) + 1):
        return port
    known = dims or (None,) * (len(pins) + 1)
    wanted = (known[0], *(d if isinstance(d, int) else p for d, p in zip(known[1:], pins, strict=True)))
    return Port(port.name, Tensor(port.type.dtype, wanted))


def _trials(model: bytes, proto: "onnx.ModelProto", signature: Signature) -> Trials:
    """The loaded model. The plain session is what runs: that the optimised one loads as well is all it is for."""
    plain = Runner(model, optimised=False)
    Runner(model, optimised=True)
    words = vocabularies(proto)
    _infer(proto)
    ports = {port.name: port.type for port in signature.inputs}
    return Trials(plain, ports, tuple(port.name for port in signature.outputs), words)


def _run(signature: Signature, trials: Trials, name: str, pins: Pins) -> Signature:
    try:
        return probed(signature, trials)
    except NotRunError as error:
        if not pins:
            return unprobed(signature, str(error))
        declared = ", ".join(f"`{port.name}` as `{signature.example(port)}`" for port in signature.inputs)
        raise ModelError(
            "E0410",
            f"`{name}` cannot be run with the declared inputs: {declared}",
            (str(error),),
            "declare sizes that the model takes, or leave `inputs=` out",
        ) from error


def _infer(proto: "onnx.ModelProto") -> None:
    try:
        with_inferred_shapes(proto)
    except Exception:  # inference raises bare RuntimeErrors; it is content, or it is not: running decides
        return


def _whole(proto: "onnx.ModelProto", name: str) -> bytes:
    if proto.ByteSize() > PROTOBUF_LIMIT_BYTES:
        raise too_large(name)
    whole: bytes = proto.SerializeToString(deterministic=True)
    return whole
