"""Takes the arm that is known when the graph is built, and drops arms that can never be taken."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dagc.ir.arms import combinator
from dagc.ir.edit import replace_nodes, substitute
from dagc.ir.graph import Choosing, Graph, Node, NodeName, Route, Split, Switch, ValueId
from dagc.ir.inline import Inliner
from dagc.ir.ops import Constant
from dagc.ir.regions import own_inputs
from dagc.passes.pass_ import Context, Remark

_NAME = "fold-choices"

_Known = Mapping[ValueId, Constant]


@dataclass(frozen=True, slots=True)
class FoldChoices:
    """A choice by a constant becomes the arm it takes; a rule that never holds and a share of nothing go.

    A value that no case holds stays: that request has to fail.

    Before:
        graph demo(row: f32[4]) -> f32[]                # graph.py:1
          country: str = constant 'FR'                  # graph.py:2
          value: f32[] = switch country, with row       # graph.py:3
            case 'DE':                                  # graph.py:3
              a: f32[] = run trees {x: row} -> {score}  # graph.py:4
              return a
            case 'FR':                                  # graph.py:4
              b: f32[] = run net {x: row} -> {score}    # graph.py:5
              return b
          return value

    After:
        graph demo(row: f32[4]) -> f32[]              # graph.py:1
          country: str = constant 'FR'                # graph.py:2
          value: f32[] = run net {x: row} -> {score}  # graph.py:5
          return value
    """

    name: str = _NAME

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph without choices that are known."""
        constants: dict[ValueId, Constant] = {}
        inliner = Inliner(graph)
        folded: dict[NodeName, tuple[Node, ...]] = {}
        same: dict[ValueId, ValueId] = {}
        for node in graph.nodes:
            if isinstance(node.op, Constant):
                constants[node.outputs[0].id] = node.op
            elif isinstance(node.op, Choosing):
                left = _left(node, node.op, constants)
                if left is None:
                    continue
                context.remarks.append(_remark(node, node.op, left))
                if len(left.op.arms) > 1:
                    folded[node.name] = (replace(node, op=left.op, inputs=left.inputs),)
                    continue
                nodes, results = inliner.inlined(node, left.op.arms[0], node.outputs)
                folded[node.name] = tuple(nodes)
                pairs = zip(node.outputs, results, strict=True)
                same |= {value.id: result for value, result in pairs if value.id != result}
        return substitute(replace_nodes(graph, folded), same)


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of a choice: with one arm, that is the one taken."""

    op: Choosing
    inputs: tuple[ValueId, ...]


def _left(node: Node, op: Choosing, constants: _Known) -> _Left | None:
    """The choice with fewer arms; `None` where all of them may be taken."""
    match op:
        case Switch():
            taken = _taken(op, constants.get(node.inputs[0]))
            if taken is None:
                return None
            return _Left(replace(op, cases=op.cases[:1], arms=(op.arms[taken],)), node.inputs)
        case Split(shares=shares):
            kept = [number for number, share in enumerate(shares) if share > 0]
            if len(kept) == len(shares) > 1:
                return None
            return _Left(
                replace(op, shares=tuple(shares[n] for n in kept), arms=tuple(op.arms[n] for n in kept)),
                node.inputs,
            )
        case Route():
            return _left_of_route(node, op, constants)


def _taken(op: Switch, selector: Constant | None) -> int | None:
    if selector is None:
        return None
    (value,) = selector.values
    for number, case in enumerate(op.cases):
        if any(value == held and isinstance(value, bool) == isinstance(held, bool) for held in case):
            return number
    return len(op.cases) if len(op.arms) > len(op.cases) else None


def _left_of_route(node: Node, op: Route, constants: _Known) -> _Left | None:
    own = own_inputs(op)
    rules: list[int] = []
    last = own
    for number, condition in enumerate(node.inputs[:own]):
        known = constants.get(condition)
        if known is None:
            rules.append(number)
        elif known.values[0]:
            last = number
            break
    if len(rules) == own:
        return None
    arms = tuple(op.arms[number] for number in (*rules, last))
    return _Left(replace(op, arms=arms), (*(node.inputs[number] for number in rules), *node.inputs[own:]))


def _remark(node: Node, op: Choosing, left: _Left) -> Remark:
    dropped = len(op.arms) - len(left.op.arms)
    word = "a branch" if dropped == 1 else f"{dropped} branches"
    text = f"left {word} out of `{combinator(op)}` that gives `{node.outputs[0].id}`: never taken"
    return Remark(_NAME, True, text, node.spans)
