"""Several models as one: wires by name, one graph, nothing computed twice.

Rewiring is on onnx_ir's graph of objects, so a value captured by a branch or loop body follows its new producer
without any renaming by text. `onnx.compose` accepts wrong dtypes and ranks; here the wires are checked first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dagc.diagnostics.progress import counted
from dagc.models.model_error import ModelError
from dagc.models.opset import OpsetRefused, newest_opsets, raise_opset
from dagc.models.proto import all_graphs, canonical_bytes, parse, plain_domain
from dagc.models.tidy import drop_unread, merge_equals, nested_graphs
from dagc.models.unique_names import UniqueNames
from dagc.models.wire import MergeRefused, Wire, declared, forget_size_names, met, set_type

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir

__all__ = ["MergeRefused", "Part", "merge"]


@dataclass(frozen=True, slots=True)
class Part:
    """A model to merge. `feeds` and `fetches` are pairs of the model's own name and the wire's name."""

    name: str
    model: bytes
    feeds: tuple[tuple[str, str], ...]
    fetches: tuple[tuple[str, str], ...]


def merge(parts: Sequence[Part], feeds: tuple[str, ...], fetches: tuple[str, ...], name: str) -> bytes:
    """One model computing what the parts compute one after another.

    Its inputs are the wires `feeds`, all of them and in this order; its outputs are the wires `fetches`, each
    once. Every wire has one source: `feeds`, or the fetch of an earlier part. Takes time linear in all nodes.

    Raises:
        MergeRefused: the parts cannot be brought to one version of an operator domain, disagree about a wire's
            type, or hold something that cannot be moved.
    """
    assembly = _Assembly(set(feeds) | set(fetches), name)
    protos = [_parsed(part) for part in parts]
    opsets = newest_opsets(protos)
    for part, proto in counted(list(zip(parts, protos, strict=True)), "merging models"):
        assembly.add(part, _inlined(part, _raised(part, proto, opsets)), frozenset(feeds))
    missing = [wire for wire in (*feeds, *fetches) if wire not in assembly.wires]
    if missing:
        raise MergeRefused(f"wire `{missing[0]}` has no part at its end")
    return assembly.finished(feeds, tuple(dict.fromkeys(fetches)))


class _Assembly:
    """The merged graph under construction."""

    def __init__(self, wire_names: set[str], name: str) -> None:
        import onnx_ir as ir

        self.graph = ir.Graph([], [], nodes=[], name=name)
        self.wires: dict[str, Wire] = {}
        self._values = UniqueNames(wire_names)
        self._nodes = UniqueNames()
        self._prefixes = UniqueNames()
        self._versions: dict[str, tuple[int, str]] = {}
        self._default_opset = 1
        self._ir_version = 1

    def add(self, part: Part, model: "ir.Model", feeds: frozenset[str]) -> None:
        """Take a part: connect what it is fed, move what it holds, and keep what it gives."""
        self._unify_versions(model, part.name)
        prefix = self._prefixes.unique(part.name)
        graph = model.graph
        fetched = self._fetched(part, feeds, {value.name: value for value in graph.outputs})
        own_inputs = {value.name: value for value in graph.inputs}
        graph.inputs.clear()
        graph.outputs.clear()
        passed = self._connect(part, own_inputs, feeds, prefix)
        self._move_initializers(graph, set(passed), prefix)
        self._move_nodes(graph, prefix)
        for name, wire in fetched.items():
            self.wires[name] = replace(wire, value=passed.get(wire.value, wire.value))

    def _fetched(
        self, part: Part, feeds: frozenset[str], results: dict[str | None, "ir.Value"]
    ) -> dict[str, Wire]:
        """The part's outputs as wires, with the types the part declares."""
        fetched: dict[str, Wire] = {}
        for own, wire in part.fetches:
            if own not in results:
                raise MergeRefused(f"`{part.name}` has no output `{own}`")
            if wire in feeds or wire in self.wires or wire in fetched:
                raise MergeRefused(f"wire `{wire}` is fetched from `{part.name}` but has a source already")
            dtype, dims = declared(results[own], f"output `{own}` of `{part.name}`")
            fetched[wire] = Wire(results[own], dtype, dims, part.name)
        return fetched

    def _connect(
        self, part: Part, own_inputs: dict[str | None, "ir.Value"], feeds: frozenset[str], prefix: str
    ) -> dict["ir.Value", "ir.Value"]:
        """Make every fed input of the part the wire's value; returns which value stands for which input."""
        passed: dict[ir.Value, ir.Value] = {}
        for own, wire in part.feeds:
            value = own_inputs.get(own)
            if value is None:
                raise MergeRefused(f"`{part.name}` has no input `{own}`")
            source = self._source(wire, value, part.name, prefix, feeds)
            value.replace_all_uses_with(source)
            passed[value] = source
        for own_name, value in own_inputs.items():
            if value not in passed and value.const_value is None:
                raise MergeRefused(f"input `{own_name}` of `{part.name}` is not fed")
        return passed

    def _source(self, wire: str, value: "ir.Value", part: str, prefix: str, feeds: frozenset[str]) -> "ir.Value":
        import onnx_ir as ir

        dtype, dims = declared(value, f"input `{value.name}` of `{part}`")
        known = self.wires.get(wire)
        if known is None:
            if wire not in feeds:
                raise MergeRefused(f"wire `{wire}` reaches `{part}` before any part produces it")
            named = tuple(f"{prefix}/{dim}" if isinstance(dim, str) else dim for dim in dims or ())
            self.wires[wire] = Wire(ir.Value(name=wire), dtype, dims and named, part)
            return self.wires[wire].value
        self.wires[wire] = met(known, Wire(value, dtype, dims, part), wire)
        return known.value

    def _unify_versions(self, model: "ir.Model", part: str) -> None:
        self._ir_version = max(self._ir_version, model.ir_version)
        self._default_opset = max(self._default_opset, model.opset_imports.get("", 1))
        for domain in sorted({plain_domain(node.domain) for node in model.graph.all_nodes()}):
            version = model.opset_imports.get(domain, model.opset_imports.get("ai.onnx", 1) if not domain else 1)
            first, owner = self._versions.setdefault(domain, (version, part))
            if first != version:
                what = f"`{domain}`" if domain else "the default domain"
                raise MergeRefused(
                    f"`{owner}` uses version {first} and `{part}` version {version} of the operators of {what}"
                )

    def _move_initializers(self, graph: "ir.Graph", overridden: set["ir.Value"], prefix: str) -> None:
        for name, value in tuple(graph.initializers.items()):
            del graph.initializers[name]
            if value in overridden:
                continue  # a default that is fed
            value.name = self._values.unique(f"{prefix}/{name}")
            self.graph.register_initializer(value)

    def _move_nodes(self, graph: "ir.Graph", prefix: str) -> None:
        nodes = tuple(graph)
        graph.remove(nodes)
        for node in nodes:
            self._rename(node, prefix)
            for output in node.outputs:
                # Shapes were said of the part alone: they are inferred anew for the whole.
                output.type = output.shape = None
        self.graph.extend(nodes)

    def _rename(self, node: "ir.Node", prefix: str) -> None:
        node.name = self._nodes.unique(f"{prefix}/{node.name or node.op_type}")
        node.domain = plain_domain(node.domain)
        for output in node.outputs:
            if output.name:  # an optional output that is not asked for has none
                output.name = self._values.unique(f"{prefix}/{output.name}")
        for body in nested_graphs(node):
            for value in (*body.inputs, *body.initializers.values()):
                value.name = self._values.unique(f"{prefix}/{value.name}")
            for inner in body:
                self._rename(inner, prefix)
            forget_size_names(body)

    def finished(self, feeds: tuple[str, ...], fetches: tuple[str, ...]) -> bytes:
        """The merged model of these wires, tidied."""
        import onnx_ir as ir

        graph = self.graph
        for wire in feeds:
            set_type(self.wires[wire].value, self.wires[wire], named=True)
            graph.inputs.append(self.wires[wire].value)
        outputs = merge_equals(graph, [self.wires[wire].value for wire in fetches])
        drop_unread(graph, outputs)
        for wire, value in zip(fetches, outputs, strict=True):
            graph.outputs.append(self._named_output(wire, value))
        opsets = {domain: version for domain, (version, _) in self._versions.items()}
        graph.opset_imports.update({"": self._default_opset, **opsets})
        model = canonical_bytes(ir.to_proto(ir.Model(graph, ir_version=self._ir_version)))
        _verify(model)
        return model

    def _named_output(self, wire: str, value: "ir.Value") -> "ir.Value":
        """The value under the wire's name; a copy where it already has to keep another name."""
        import onnx_ir as ir

        if value.is_graph_input() and value.name == wire:
            return value
        if value.is_graph_input() or value.is_initializer() or value.is_graph_output():
            copy = ir.node("Identity", [value], name=self._nodes.unique(f"{wire}/Identity"))
            self.graph.append(copy)
            value = copy.outputs[0]
        value.name = wire
        set_type(value, self.wires[wire], named=False)
        return value


def _parsed(part: Part) -> "onnx.ModelProto":
    try:
        proto = parse(part.model)
    except ModelError as error:
        raise MergeRefused(f"`{part.name}` is not an ONNX model") from error
    if any(graph.sparse_initializer for graph in all_graphs(proto.graph)):
        raise MergeRefused(f"`{part.name}` holds sparse tensors")
    return proto


def _raised(part: Part, proto: "onnx.ModelProto", opsets: Mapping[str, int]) -> "onnx.ModelProto":
    try:
        return raise_opset(proto, opsets)
    except OpsetRefused as refused:
        raise MergeRefused(f"`{part.name}` cannot share a model with the others: {refused}") from refused


def _inlined(part: Part, proto: "onnx.ModelProto") -> "ir.Model":
    """The part as objects, without functions of its own, whose names could clash with another part's."""
    import onnx_ir as ir
    from onnx_ir.passes.common import InlinePass

    try:
        model = ir.from_proto(proto)
        return InlinePass()(model).model if model.functions else model
    except Exception as error:  # the inliner refuses mixed opsets and graph attributes with bare errors
        raise MergeRefused(f"the functions of `{part.name}` cannot be inlined: {error}") from error


def _verify(model: bytes) -> None:
    from onnx import checker

    try:
        checker.check_model(model, full_check=True)
    except Exception as error:  # the checker raises its own errors and bare RuntimeErrors
        first = str(error).strip().splitlines()[0]
        raise MergeRefused(f"the merged model does not pass ONNX's checker: {first}") from error
