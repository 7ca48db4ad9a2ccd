"""Makes a converted model agree with itself about element types, so that all of it can compute in float64.

skl2onnx writes some parts of a float64 model as float32 and leaves the seams open; onnxruntime then refuses it.
Trees stay float32 on purpose: scikit-learn and xgboost round to float32 before they compare.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from dagc.models.proto import plain_domain

if TYPE_CHECKING:
    import onnx

FLOAT, INT64, STRING, BOOL, DOUBLE = 1, 7, 8, 9, 11
"""ONNX's numbers of these element types (TensorProto.DataType)."""

KEEPS_DOUBLE = "float64_"
"""Begins the name of a tree node that compares in float64: LightGBM does."""

_ML = "ai.onnx.ml"
_TREES = frozenset({"TreeEnsembleClassifier", "TreeEnsembleRegressor"})
_ONLY_FLOAT = frozenset({"Imputer", "LinearRegressor", "SVMRegressor"})
"""Operators onnxruntime has for float32 only."""

_FLOAT_RESULTS = frozenset({"LinearRegressor", "Normalizer", "OneHotEncoder", "Scaler", "SVMRegressor"})


def retype(proto: "onnx.ModelProto") -> None:
    """Put in the casts that are missing where float32 meets float64, and declare outputs as they are. In place."""
    _Retyping(proto).run()


class _Retyping:
    def __init__(self, proto: "onnx.ModelProto") -> None:
        self.graph = proto.graph
        self.versions = {plain_domain(entry.domain): entry.version for entry in proto.opset_import}
        self.types: dict[str, int] = {value.name: value.type.tensor_type.elem_type for value in self.graph.input}
        self.types |= {tensor.name: tensor.data_type for tensor in self.graph.initializer}
        self.cast: dict[tuple[str, int], str] = {}
        self.written: list[onnx.NodeProto] = []

    def run(self) -> None:
        """Adapt every node of the graph, in order."""
        for node in list(self.graph.node):
            self._adapt(node)
            self.written.append(node)
            self.types |= _results(node, self._bound(node), self.types)
        del self.graph.node[:]
        self.graph.node.extend(self.written)
        del self.graph.value_info[:]
        for output in self.graph.output:
            if output.name in self.types:
                output.type.tensor_type.elem_type = self.types[output.name]

    def _adapt(self, node: "onnx.NodeProto") -> None:
        if node.domain == _ML and node.op_type in _TREES and not node.name.startswith(KEEPS_DOUBLE):
            _store_in_float(node)
            self._cast_inputs(node, range(len(node.input)), FLOAT)
        elif node.domain == _ML and node.op_type in _TREES:
            self._cast_inputs(node, range(len(node.input)), DOUBLE)
        elif node.domain == _ML and node.op_type in _ONLY_FLOAT:
            self._cast_inputs(node, [i for i in range(len(node.input)) if self._type(node, i) == DOUBLE], FLOAT)
        else:
            for places in self._places(node).values():
                if {FLOAT, DOUBLE} <= {self._type(node, place) for place in places}:
                    self._cast_inputs(node, places, DOUBLE)

    def _type(self, node: "onnx.NodeProto", place: int) -> int | None:
        return self.types.get(node.input[place])

    def _cast_inputs(self, node: "onnx.NodeProto", places: "range | list[int]", to: int) -> None:
        from onnx import helper

        for place in places:
            name = node.input[place]
            if self.types.get(name) in (None, to):
                continue
            if (name, to) not in self.cast:
                made = self.cast[name, to] = f"{name}_as_{'float' if to == FLOAT else 'double'}"
                self.written.append(helper.make_node("Cast", [name], [made], name=made, to=to))
                self.types[made] = to
            node.input[place] = self.cast[name, to]

    def _places(self, node: "onnx.NodeProto") -> dict[str, list[int]]:
        """The inputs that must be of one type, by the type's variable in the operator's schema."""
        found: dict[str, list[int]] = {}
        for place, variable in enumerate(self._variables(node)):
            if place < len(node.input) and node.input[place]:
                found.setdefault(variable, []).append(place)
        return found

    def _variables(self, node: "onnx.NodeProto") -> Iterator[str]:
        from onnx import defs

        domain = plain_domain(node.domain)
        try:
            schema = defs.get_schema(node.op_type, self.versions.get(domain, 1), domain)
        except defs.SchemaError:
            return
        for formal in schema.inputs:
            many = formal.option == defs.OpSchema.FormalParameterOption.Variadic
            yield from [formal.type_str] * (len(node.input) if many and formal.is_homogeneous else 1)

    def _bound(self, node: "onnx.NodeProto") -> dict[str, int]:
        """The type of each variable of the schema, and the results' own variables by name."""
        bound: dict[str, int] = {}
        for variable, places in self._places(node).items():
            found = self._type(node, places[0])
            if found is not None:
                bound[variable] = found
        return bound


def _results(node: "onnx.NodeProto", bound: Mapping[str, int], types: Mapping[str, int]) -> dict[str, int]:
    """The element types of a node's outputs, those that can be told."""
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.domain == _ML:
        return _ml_results(node, set(attributes), types)
    if node.op_type == "Cast":
        return {node.output[0]: attributes["to"].i}
    if node.op_type == "TfIdfVectorizer":
        return {node.output[0]: FLOAT}
    if node.op_type in ("Constant", "ConstantOfShape"):
        value = attributes.get("value")
        return {node.output[0]: value.t.data_type if value is not None else FLOAT}
    if node.op_type == "TopK":
        return {node.output[0]: bound["T"], node.output[1]: INT64} if "T" in bound else {}
    if any(attribute.HasField("g") for attribute in node.attribute):
        return {}
    variables = _output_variables(node)
    return {
        name: bound[variable] for name, variable in zip(node.output, variables, strict=False) if variable in bound
    }


def _output_variables(node: "onnx.NodeProto") -> list[str]:
    from onnx import defs

    try:
        schema = defs.get_schema(node.op_type, defs.onnx_opset_version(), node.domain)
    except defs.SchemaError:
        return []
    return [formal.type_str for formal in schema.outputs]


def _ml_results(node: "onnx.NodeProto", attributes: set[str], types: Mapping[str, int]) -> dict[str, int]:
    if node.op_type.endswith("Classifier"):
        words = {"classlabels_strings", "classlabels_strings_as_tensor"} & attributes
        return dict(zip(node.output, (STRING if words else INT64, FLOAT), strict=False))
    if node.op_type in _FLOAT_RESULTS or node.op_type == "TreeEnsembleRegressor":
        return {node.output[0]: FLOAT}
    if node.op_type in ("ArrayFeatureExtractor", "Binarizer", "Imputer") and node.input[0] in types:
        return {node.output[0]: types[node.input[0]]}
    if node.op_type == "LabelEncoder":
        kinds = {"values_strings": STRING, "values_int64s": INT64, "values_floats": FLOAT}
        stored = sorted(attributes & kinds.keys())
        return {node.output[0]: kinds[stored[0]]} if stored else {}
    return {}


def _store_in_float(node: "onnx.NodeProto") -> None:
    """Numbers of a tree kept as float64 tensors, as float32 lists: the operator's only other form."""
    from onnx import helper, numpy_helper

    for attribute in list(node.attribute):
        if attribute.name.endswith("_as_tensor"):
            numbers = numpy_helper.to_array(attribute.t).astype(np.float32).tolist()
            node.attribute.remove(attribute)
            node.attribute.append(helper.make_attribute(attribute.name.removesuffix("_as_tensor"), numbers))
