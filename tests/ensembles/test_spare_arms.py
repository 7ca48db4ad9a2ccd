"""Arms that no answer is made of, challengers and backups, are proven as all else is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dagc.compile import Compilation
from dagc.evaluate.equivalence import Case, prove
from dagc.evaluate.verdict import Equivalence
from dagc.ir.graph import Fallback, Graph, Op, Quorum, Shadow
from tests.ensembles.conftest import Compile

pytestmark = pytest.mark.ort

GRAPH = """
@dagc.graph
def watched(row: Row) -> Score:
    return dagc.shadow(lambda: score(row), lambda: score(scaler(row)) + 1)


@dagc.graph
def safe(row: Row) -> Score:
    return dagc.fallback(lambda: score(row), lambda: score(scaler(row)) + 1)


@dagc.graph
def polled(row: Row) -> Score:
    members = [lambda: score(row), lambda: score(scaler(row)) + 1, lambda: score(row) * 3]
    return dagc.quorum(members, need=2, within_s=0.5, combine=lambda found: dagc.mean(*found) + len(found))
"""


@pytest.fixture(scope="module")
def compilation(compile_text: Compile) -> Compilation:
    return compile_text(GRAPH)


def proven(compilation: Compilation, number: int, spoil: Callable[[Op], Op]) -> Equivalence:
    """The proof of a fused form that somebody has spoilt."""
    traced, after = compilation.planned.traced[number], compilation.planned.optimised[number]
    spoilt: Graph = replace(
        after.graph, nodes=tuple(replace(node, op=spoil(node.op)) for node in after.graph.nodes)
    )
    case = Case("one", traced.arguments([[0.5] * 30][0] if traced.body else {"row": [0.5] * 30}))
    return prove(traced.graph, spoilt, [case], store=traced.store, steps=traced.steps, encode=traced.answer)


def same(op: Op) -> Op:
    return op


def with_another_challenger(op: Op) -> Op:
    return replace(op, challenger=op.champion) if isinstance(op, Shadow) else op


def with_another_backup(op: Op) -> Op:
    return replace(op, backup=op.primary) if isinstance(op, Fallback) else op


def with_another_count(op: Op) -> Op:
    if not isinstance(op, Quorum):
        return op
    fewer, more = op.combines
    first = replace(fewer, outputs=(fewer.inputs[0].id,))
    return replace(op, combines=(first, more))


@pytest.mark.parametrize(
    ("number", "spoil", "arm"),
    [
        (0, with_another_challenger, "challenger"),
        (1, with_another_backup, "backup"),
        (2, with_another_count, "of 2 answers"),
    ],
)
def test_an_arm_that_is_another_in_the_fused_form_fails_the_proof(
    compilation: Compilation, number: int, spoil: Callable[[Op], Op], arm: str
) -> None:
    assert proven(compilation, number, same).verdict == "equal"
    verdict = proven(compilation, number, spoil)
    assert verdict.verdict == "different"
    assert {failure.code for failure in verdict.failures} == {"E0801"}
    assert all(failure.path.endswith(arm) for failure in verdict.failures)


def test_a_build_says_that_it_has_compared_them(compilation: Compilation) -> None:
    paths = [[compared.path for compared in proof.outputs] for proof in compilation.proofs]
    assert [one[1].rpartition(" ")[2] if len(one) > 1 else one for one in paths] == [
        "challenger",
        "backup",
        "answers",
    ]
    cases = [{compared.values for compared in proof.outputs} for proof in compilation.proofs]
    assert all(len(counts) == 1 for counts in cases), "each arm in each case"
