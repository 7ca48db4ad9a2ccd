"""A merged model under construction: the nodes placed so far, and under which name every value is known."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagc.models.fragment import Fragment, Template
from dagc.models.proto import bodies
from dagc.models.tidy import captured, needed
from dagc.models.unique_names import UniqueNames
from dagc.models.wire import Dims, MergeRefused, Wire, declared, forget_size_names, met, port

if TYPE_CHECKING:
    import onnx

Pairs = tuple[tuple[str, str], ...]
"""A part's own names beside the wires'."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A node with its names in the merged model; `proto` has none of them, those of its bodies apart."""

    proto: "onnx.NodeProto"
    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    domains: frozenset[str]
    captures: frozenset[str]


class Assembly:
    """The merged graph; parts are added in topological order."""

    def __init__(self, name: str, feeds: tuple[str, ...], fetches: tuple[str, ...]) -> None:
        self._name = name
        self._feeds = dict.fromkeys(feeds)
        self._fetches = tuple(dict.fromkeys(fetches))
        self._wires: dict[str, Wire] = {}
        self._values = UniqueNames({*feeds, *fetches})
        self._nodes = UniqueNames()
        self._prefixes = UniqueNames()
        self._steps: list[_Step] = []
        self._computed: dict[tuple[bytes, tuple[str, ...]], Sequence[str]] = {}
        self._stored: dict[bytes, str] = {}
        self._tensors: dict[str, onnx.TensorProto] = {}
        self._versions: dict[str, tuple[int, str]] = {}
        self._default_opset = 1
        self._ir_version = _OLDEST_IR

    def add(self, name: str, part: Fragment, feeds: Pairs, fetches: Pairs) -> None:
        """Take a part: connect what it is fed, place what it holds, and keep what it gives.

        Raises:
            MergeRefused: it does not fit to the parts before it.
        """
        self._unify_versions(part, name)
        prefix = self._prefixes.unique(name)
        fetched = self._fetched(name, part, fetches)
        names = self._connected(name, part, feeds, prefix)
        self._store(part, names, prefix)
        try:
            for template in part.nodes:
                self._place(template, names, prefix)
            self._wires.update((wire, Wire(names[own], dtype, dims, name)) for own, wire, dtype, dims in fetched)
        except KeyError as unknown:
            raise MergeRefused(f"`{name}` reads `{unknown.args[0]}` before anything computes it") from None

    def _unify_versions(self, part: Fragment, name: str) -> None:
        self._ir_version = max(self._ir_version, part.ir_version)
        self._default_opset = max(self._default_opset, part.opset)
        for domain, version in part.versions.items():
            first, owner = self._versions.setdefault(domain, (version, name))
            if first != version:
                what = f"`{domain}`" if domain else "the default domain"
                raise MergeRefused(
                    f"`{owner}` uses version {first} and `{name}` version {version} of the operators of {what}"
                )

    def _fetched(self, name: str, part: Fragment, fetches: Pairs) -> list[tuple[str, str, int, Dims]]:
        """The part's outputs and their wires, with the types the part declares."""
        fetched: dict[str, tuple[str, str, int, Dims]] = {}
        for own, wire in fetches:
            if own not in part.outputs:
                raise MergeRefused(f"`{name}` has no output `{own}`")
            if wire in self._feeds or wire in self._wires or wire in fetched:
                raise MergeRefused(f"wire `{wire}` is fetched from `{name}` but has a source already")
            fetched[wire] = (own, wire, *declared(part.outputs[own], f"output `{own}` of `{name}`"))
        return list(fetched.values())

    def _connected(self, name: str, part: Fragment, feeds: Pairs, prefix: str) -> dict[str, str]:
        """What each fed input of the part is called here."""
        names: dict[str, str] = {"": ""}
        for own, wire in feeds:
            if own not in part.inputs:
                raise MergeRefused(f"`{name}` has no input `{own}`")
            names[own] = self._source(wire, part.inputs[own], name, prefix)
        for own in part.inputs:
            if own not in names and own not in part.tensors:
                raise MergeRefused(f"input `{own}` of `{name}` is not fed")
        return names

    def _source(self, wire: str, value: "onnx.ValueInfoProto", part: str, prefix: str) -> str:
        dtype, dims = declared(value, f"input `{value.name}` of `{part}`")
        known = self._wires.get(wire)
        if known is None:
            if wire not in self._feeds:
                raise MergeRefused(f"wire `{wire}` reaches `{part}` before any part produces it")
            named = tuple(f"{prefix}/{dim}" if isinstance(dim, str) else dim for dim in dims or ())
            self._wires[wire] = Wire(wire, dtype, dims and named, part)
            return wire
        self._wires[wire] = met(known, Wire(value.name, dtype, dims, part), wire)
        return known.value

    def _store(self, part: Fragment, names: dict[str, str], prefix: str) -> None:
        """Keep the part's tensors, each content once; a default that is fed is none of them."""
        for own, tensor in part.tensors.items():
            if own not in names:
                wanted = self._values.unique(f"{prefix}/{own}")
                names[own] = self._stored.setdefault(part.contents[own], wanted)
                self._tensors.setdefault(names[own], tensor)

    def _place(self, template: Template, names: dict[str, str], prefix: str) -> None:
        inputs = tuple([names[own] for own in template.inputs])
        name = self._nodes.unique(f"{prefix}/{template.label}")
        outputs = tuple([self._values.unique(f"{prefix}/{own}") if own else "" for own in template.outputs])
        names.update(zip(template.outputs, outputs, strict=True))
        if template.is_identity:
            names[template.outputs[0]] = inputs[0]
            return
        if template.key is None:
            proto = self._with_bodies(template, names, prefix) if template.has_bodies else template.proto
            found = frozenset(captured(proto))
            self._steps.append(_Step(proto, name, inputs, outputs, template.domains, found))
            return
        first = self._computed.setdefault((template.key, inputs), outputs)
        if first is outputs:
            self._steps.append(_Step(template.proto, name, inputs, outputs, template.domains, _NOTHING))
        else:
            names.update(zip(template.outputs, first, strict=True))

    def _with_bodies(self, template: Template, names: Mapping[str, str], prefix: str) -> "onnx.NodeProto":
        """A copy of the node whose bodies have names of their own, and read what is around them anew."""
        copied = type(template.proto)()
        copied.CopyFrom(template.proto)
        for body in bodies(copied):
            self._rename_body(body, ChainMap({}, dict(names)), prefix)
        return copied

    def _rename_body(self, body: "onnx.GraphProto", scope: ChainMap[str, str], prefix: str) -> None:
        for value in (*body.input, *body.initializer):
            if value.name not in scope.maps[0]:
                scope[value.name] = self._values.unique(f"{prefix}/{value.name}")
            value.name = scope[value.name]
        for node in body.node:
            node.input[:] = [scope[name] for name in node.input]
            node.name = self._nodes.unique(f"{prefix}/{node.name or node.op_type}")
            scope.update((name, self._values.unique(f"{prefix}/{name}")) for name in node.output if name)
            node.output[:] = [scope[name] for name in node.output]
            for inner in bodies(node):
                self._rename_body(inner, scope.new_child(), prefix)
        for value in body.output:
            value.name = scope[value.name]
        forget_size_names(body)

    def finished(self) -> bytes:
        """The merged model, with only what its outputs need."""
        import onnx

        missing = [wire for wire in (*self._feeds, *self._fetches) if wire not in self._wires]
        if missing:
            raise MergeRefused(f"wire `{missing[0]}` has no part at its end")
        ends = [(step.outputs, (*step.inputs, *step.captures)) for step in self._steps]
        stay, read = needed(ends, [self._wires[wire].value for wire in self._fetches])
        steps = [step for step, stays in zip(self._steps, stay, strict=True) if stays]
        model = onnx.ModelProto(ir_version=self._ir_version)
        self._fill(model.graph, steps, read)
        versions = {domain: version for domain, (version, _) in self._versions.items()}
        for domain in sorted(frozenset({""}).union(*(step.domains for step in steps))):
            model.opset_import.add(domain=domain, version=versions.get(domain, self._default_opset))
        written: bytes = model.SerializeToString(deterministic=True)
        return written

    def _fill(self, graph: "onnx.GraphProto", steps: Sequence[_Step], read: set[str]) -> None:
        graph.name = self._name
        graph.input.extend(port(wire, self._wires[wire], named=True) for wire in self._feeds)
        graph.initializer.extend(_named(tensor, name) for name, tensor in self._tensors.items() if name in read)
        renamed, copies = self._outputs(graph)
        for step in steps:
            _write(graph.node.add(), step, renamed)
        for source, wire in copies:
            name = self._nodes.unique(f"{wire}/Identity")
            graph.node.add(op_type="Identity", name=name, input=[renamed.get(source, source)], output=[wire])

    def _outputs(self, graph: "onnx.GraphProto") -> tuple[dict[str, str], list[tuple[str, str]]]:
        """Declare the outputs; returns what is renamed to its wire, and what has to be copied to it."""
        renamed: dict[str, str] = {}
        copies: list[tuple[str, str]] = []
        for name in self._fetches:
            wire = self._wires[name]
            passed = wire.value in self._feeds
            graph.output.append(port(name, wire, named=passed and wire.value == name))
            if passed and wire.value == name:
                continue
            if passed or wire.value in self._tensors or wire.value in renamed:
                copies.append((wire.value, name))
            else:
                renamed[wire.value] = name
        return renamed, copies


def _named(tensor: "onnx.TensorProto", name: str) -> "onnx.TensorProto":
    named = type(tensor)()
    named.CopyFrom(tensor)
    named.name = name
    named.ClearField("doc_string")
    return named


def _write(node: "onnx.NodeProto", step: _Step, renamed: Mapping[str, str]) -> None:
    node.CopyFrom(step.proto)
    node.name = step.name
    node.input.extend([renamed.get(name, name) for name in step.inputs])
    node.output.extend([renamed.get(name, name) for name in step.outputs])
    if step.captures:
        _rename_captured(node, renamed)


def _rename_captured(node: "onnx.NodeProto", renamed: Mapping[str, str]) -> None:
    for body in bodies(node):
        for value in body.output:
            value.name = renamed.get(value.name, value.name)
        for inner in body.node:
            inner.input[:] = [renamed.get(name, name) for name in inner.input]
            _rename_captured(inner, renamed)


_NOTHING: frozenset[str] = frozenset()
_OLDEST_IR = 4
"""Before it every tensor had to be an input as well."""
