"""One opset for models that are to be merged: the newest among them, reached only by conversions known to be safe.

A model whose operators have not changed between two versions is merely relabelled; otherwise ONNX's own version
converter is asked for the default domain, and everything else is refused with a sentence.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dagc.models.model_error import ModelError
from dagc.models.runner import Runner

if TYPE_CHECKING:
    import onnx

_ML = "ai.onnx.ml"

# Newer versions of these only add optional attributes or types (operator changelog of ai.onnx.ml), so their
# nodes mean the same under a newer label. LabelEncoder, whose attributes were renamed in version 2, does not.
_ADDITIVE = frozenset(
    {"TreeEnsembleClassifier", "TreeEnsembleRegressor", "ArrayFeatureExtractor", "Binarizer", "Imputer", "Scaler"}
)

_LOST = {"GroupNormalization": 21, "Hardmax": 13, "Resize": 11, "Upsample": 11}
"""Operators that mean something else after ONNX's converter has brought them to this opset: of each operator that
changed since opset 7, onnxruntime ran what came out of it.
"""
_RIGHT_FOR_NEAREST = frozenset({"Resize", "Upsample"})


class OpsetRefused(Exception):
    """The model cannot be brought to the wanted opset without a doubt; the text says which operator is why."""


def newest_opsets(models: Sequence["onnx.ModelProto"]) -> dict[str, int]:
    """The highest version of each operator domain among `models`."""
    newest: dict[str, int] = {}
    for model in models:
        for domain, version in _versions(model).items():
            newest[domain] = max(version, newest.get(domain, 0))
    return newest


def raise_opset(model: "onnx.ModelProto", wanted: Mapping[str, int]) -> "onnx.ModelProto":
    """`model` with every domain it imports at the version in `wanted`; the model itself when nothing differs.

    Raises:
        OpsetRefused: an operator changed its meaning in between and no safe conversion is known.
    """
    import onnx

    behind = {d: v for d, v in _versions(model).items() if v != wanted.get(d, v)}
    if not behind:
        return model
    changed = {domain: _changed(model, domain, wanted[domain]) for domain in behind}
    raised = onnx.ModelProto()
    raised.CopyFrom(model)
    if changed.get("", ()):
        raised = _converted(raised, wanted[""], changed[""])
    for domain in behind.keys() - {""}:
        unsafe = [op for op in changed[domain] if domain != _ML or op not in _ADDITIVE]
        if unsafe:
            raise OpsetRefused(
                f"operator `{unsafe[0]}` of `{domain}` changed between versions "
                f"{behind[domain]} and {wanted[domain]}"
            )
    _relabel(raised, wanted)
    return raised


def _converted(model: "onnx.ModelProto", version: int, changed: Sequence[str]) -> "onnx.ModelProto":
    from onnx import version_converter

    # The converter looks at the outermost graph only.
    if model.functions or any(True for node in model.graph.node for _ in _subgraphs(node)):
        raise OpsetRefused(f"operator `{changed[0]}` differs in opset {version}, and the model has nested graphs")
    if lost := next((node for node in model.graph.node if _is_lost(node, _versions(model)[""], version)), None):
        raise OpsetRefused(
            f"operator `{lost.op_type}` differs in opset {version}, and no conversion keeps its meaning"
        )
    try:
        converted = version_converter.convert_version(model, version)
    except Exception as error:  # the converter raises bare RuntimeErrors of many texts
        raise OpsetRefused(f"operator `{changed[0]}` has no conversion to opset {version}") from error
    try:
        Runner(converted.SerializeToString())
    except ModelError as error:  # onnxruntime has some operators in older versions only, such as `GlobalLpPool`
        raise OpsetRefused(f"onnxruntime does not run it at opset {version}: {error.notes[0]}") from error
    return converted


def _is_lost(node: "onnx.NodeProto", own: int, version: int) -> bool:
    if node.domain not in _names("") or not own < _LOST.get(node.op_type, 0) <= version:
        return False
    modes = [attribute.s for attribute in node.attribute if attribute.name == "mode"]
    return node.op_type not in _RIGHT_FOR_NEAREST or any(mode != b"nearest" for mode in modes)


def _changed(model: "onnx.ModelProto", domain: str, version: int) -> tuple[str, ...]:
    """The operator types of a domain whose definition at `version` is another than the model's own, sorted."""
    own = _versions(model)[domain]
    used = {node.op_type for node in _nodes(model.graph.node) if (node.domain or "") in _names(domain)}
    return tuple(sorted(op for op in used if _defined(op, domain, own) != _defined(op, domain, version)))


def _defined(op: str, domain: str, version: int) -> int | None:
    from onnx import defs

    try:
        return int(defs.get_schema(op, version, domain).since_version)
    except defs.SchemaError:
        return None


def _relabel(model: "onnx.ModelProto", wanted: Mapping[str, int]) -> None:
    for entry in model.opset_import:
        entry.version = wanted.get(_canonical(entry.domain), entry.version)


def _versions(model: "onnx.ModelProto") -> dict[str, int]:
    return {_canonical(entry.domain): entry.version for entry in model.opset_import}


def _canonical(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _names(domain: str) -> frozenset[str]:
    return frozenset({"", "ai.onnx"}) if domain == "" else frozenset({domain})


def _nodes(nodes: Sequence["onnx.NodeProto"]) -> Iterator["onnx.NodeProto"]:
    for node in nodes:
        yield node
        for graph in _subgraphs(node):
            yield from _nodes(graph.node)


def _subgraphs(node: "onnx.NodeProto") -> Iterator["onnx.GraphProto"]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
