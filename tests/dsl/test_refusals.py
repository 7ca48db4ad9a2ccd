"""Everything a graph body could silently compute wrong is refused by the symbolic value itself, at its line."""

import pytest

from dagc.diagnostics.pages import codes
from dagc.dsl.refusals import REFUSALS
from tests.dsl.conftest import Loads, Traces
from tests.dsl.user_files import HEADER

REFUSED = [
    ("E0110", "if payment.amount > 10: pass"),
    ("E0110", "while payment.new: pass"),
    ("E0110", "assert payment.new"),
    ("E0110", "value = payment.new and payment.new"),
    ("E0110", "value = not payment.new"),
    ("E0110", "value = 1.0 if payment.new else 2.0"),
    ("E0110", "value = 0 < payment.amount < 10"),
    ("E0110", "value = max(payment.amount, payment.amount)"),
    ("E0110", "value = sorted([payment.amount, payment.amount])"),
    ("E0110", "value = any([payment.new])"),
    ("E0110", "value = payment.country in ['DE', 'FR']"),
    ("E0110", "value = bool(payment.new)"),
    ("E0111", "value = len(row)"),
    ("E0111", "value = len(payment.tags)"),
    ("E0112", "first, *rest = row"),
    ("E0112", "for item in row: pass"),
    ("E0112", "value = [item for item in payment.tags]"),
    ("E0112", "value = list(row)"),
    ("E0112", "value = sum(row)"),
    ("E0125", "value = dict(row)"),
    ("E0112", "print(*row)"),
    ("E0112", "value = next(row)"),
    ("E0112", "value = reversed(row)"),
    ("E0113", "value = float(total)"),
    ("E0113", "value = int(payment.amount)"),
    ("E0113", "value = complex(total)"),
    ("E0113", "value = round(payment.amount, 2)"),
    ("E0113", "value = math.floor(payment.amount)"),
    ("E0113", "value = math.ceil(payment.amount)"),
    ("E0113", "value = math.trunc(payment.amount)"),
    ("E0113", "value = math.sqrt(payment.amount)"),
    ("E0113", "value = [1, 2, 3][total]"),
    ("E0113", "value = range(total)"),
    ("E0113", "value = Decision(allow=True, score=total)"),
    ("E0114", "value = f'{total}'"),
    ("E0114", "value = '{:.2f}'.format(total)"),
    ("E0114", "value = '%s' % total"),
    ("E0114", "value = str(total)"),
    ("E0114", "print(total)"),
    ("E0113", "value = open(payment.country)"),
    ("E0115", "value = {payment.country: 1}"),
    ("E0115", "value = {payment.country}"),
    ("E0115", "value = {'DE': 1}.get(payment.country)"),
    ("E0115", "value = hash(total)"),
    ("E0116", "value = 1.0 in row"),
    ("E0117", "value = np.exp(row)"),
    ("E0117", "value = np.mean(row)"),
    ("E0117", "value = np.stack([row, row])"),
    ("E0117", "value = np.asarray(row)"),
    ("E0117", "value = np.add.reduce(row)"),
    ("E0117", "value = np.concatenate([row, np.zeros(3, np.float32)])"),
    ("E0117", "np.add(row, row, out=np.zeros(30, np.float32))"),
    ("E0117", "np.zeros(30, np.float32)[:] = row"),
    ("E0118", "row[0] = 1.0"),
    ("E0118", "payment.amount = 1.0"),
    ("E0118", "del row[0]"),
    ("E0118", "del payment.amount"),
    ("E0118", "row[0] += 1.0"),
    ("E0119", "value = row()"),
    ("E0119", "value = list(map(row, [1]))"),
    ("E0120", "with row: pass"),
    ("E0120", "row.__await__()"),
    ("E0122", "value = copy.copy(row)"),
    ("E0122", "value = copy.deepcopy(row)"),
    ("E0122", "value = pickle.dumps(row)"),
    ("E0123", "value = row & 1"),
    ("E0123", "value = (row > 1) & row"),
    ("E0123", "value = ~row"),
    ("E0123", "value = ~payment.new"),
    ("E0123", "value = row ^ row"),
    ("E0123", "value = row << 1"),
    ("E0123", "value = row @ row"),
    ("E0125", "value = payment.amuont"),
    ("E0125", "value = row.sum()"),
    ("E0125", "value = row.shape"),
    ("E0125", "value = payment.country.lower()"),
    ("E0125", "value = payment.tags.copy()"),
    ("E0126", "value = row[total]"),
    ("E0126", "value = row['first']"),
    ("E0126", "value = row[::2]"),
    ("E0126", "value = row[None]"),
    ("E0126", "value = row[True]"),
    ("E0126", "value = row[[0, 1]]"),
    ("E0126", "value = payment['amount']"),
    ("E0126", "value = payment.tags[0]"),
    ("E0127", "value = row + [1.0]"),
    ("E0127", "value = row == None"),
    ("E0127", "value = row * classifier(row)"),
    ("E0127", "value = dagc.mean()"),
    ("E0127", "value = dagc.mean([row, row])"),
    ("E0127", "value = dagc.weighted((0.5, lambda: row), (0.5, row))"),
    ("E0127", "value = dagc.vote(total, total, ties='random')"),
    ("E0127", "value = dagc.cast(row, 'f31')"),
    ("E0127", "value = dagc.argmax(row, axis='last')"),
    ("E0127", "value = dagc.top_k(row, 0)"),
    ("E0127", "value = dagc.weighted(0.5, row)"),
    ("E0128", "value = scaler(row, row)"),
    ("E0128", "value = scaler(row, x=row)"),
    ("E0129", "value = scaler(y=row)"),
    ("E0130", "value = scaler()"),
    ("E0131", "value = classifier(row).probabilites"),
    ("E0133", "value = encode()"),
    ("E0133", "value = encode(payment, payment)"),
    ("E0133", "value = encode(paymnt=payment)"),
    ("E0138", "value = decide(payment, [total])"),
    ("E0138", "value = decide(payment, None)"),
    ("E0138", "value = decide(Payment(amount=1, country='DE'), total)"),
    ("E0138", "value = decide(payment, classifier(row))"),
    ("E0138", "value = scaler(object())"),
    ("E0106", "value = payment + undefined"),
    ("E0106", "raise ValueError('no')"),
    ("E0106", "value = (lambda: 1 / 0)()"),
]

BODY = """
import copy, math, pickle


@dagc.graph
def refused(payment: Payment) -> Score:
    row = encode(payment)
    total = score(row)
    {}
    return total
"""


@pytest.mark.parametrize(("code", "statement"), REFUSED, ids=[f"{code}-{text}" for code, text in REFUSED])
def test_a_body_is_refused_with_its_code_at_its_line(trace_text: Traces, code: str, statement: str) -> None:
    report = trace_text(BODY.format(statement))
    assert [d.code for d in report.errors] == [code]
    found = report.errors[0]
    line = (HEADER + BODY.split("{}")[0]).count("\n") + 1
    assert found.span is not None
    assert (found.span.file, found.span.line) == ("graph.py", line)
    assert found.span.column >= 5
    assert found.help or code == "E0106"
    assert code in codes()


def test_every_refusal_of_the_table_says_what_to_do() -> None:
    for refusal in REFUSALS.values():
        assert refusal.help.strip()
        assert refusal.code in codes()


@pytest.mark.parametrize(
    "swallowing",
    [
        "try:\n        float(total)\n    except Exception:\n        pass",
        "try:\n        float(total)\n    except BaseException:\n        return score(row)",
        "import contextlib\n    with contextlib.suppress(Exception):\n        bool(total)",
        "import logging\n    logging.getLogger('x').warning('%s', total)",
    ],
)
def test_a_refusal_the_body_swallows_still_fails(trace_text: Traces, swallowing: str) -> None:
    report = trace_text(BODY.format(swallowing))
    assert {d.code for d in report.errors} <= {"E0113", "E0110", "E0114"}
    assert report.errors


def test_a_misspelt_field_is_answered_with_the_nearest_one(trace_text: Traces) -> None:
    report = trace_text(BODY.format("value = payment.amuont"))
    assert report.errors[0].help == "did you mean `amount`?"


def test_independent_mistakes_of_one_body_are_told_together(trace_text: Traces) -> None:
    statements = "\n    ".join(
        ["a = payment.amuont", "b = scaler(y=row)", "c = classifier(row).probabilities", "d = encode()"]
    )
    report = trace_text(BODY.format(statements))
    assert [d.code for d in report.errors] == ["E0125", "E0129", "E0133"]


def test_a_mistake_does_not_cascade_into_what_uses_its_value(trace_text: Traces) -> None:
    statements = "a = payment.amuont * 2 + row\n    b = scaler(a)[0]\n    c = decide(payment, a.what.ever)"
    report = trace_text(BODY.format(statements))
    assert [d.code for d in report.errors] == ["E0125"]


LEAKS = """
kept = []


@dagc.graph
def first(payment: Payment) -> Score:
    row = encode(payment)
    kept.append(row)
    return score(row)


@dagc.graph
def second(payment: Payment) -> Score:
    return {}
"""


@pytest.mark.parametrize(
    "use", ["score(kept[0])", "kept[0][0]", "kept[0] + 1", "score(encode(payment) + kept[0])", "kept[0]"]
)
def test_a_handle_of_another_graph_is_refused(trace_text: Traces, use: str) -> None:
    report = trace_text(LEAKS.format(use))
    assert [d.code for d in report.errors] == ["E0124"]


def test_a_handle_used_in_a_thread_of_its_own_body_is_refused(trace_text: Traces) -> None:
    text = """
from concurrent.futures import ThreadPoolExecutor


@dagc.graph
def threads(payment: Payment) -> Score:
    row = encode(payment)
    with ThreadPoolExecutor() as pool:
        row = list(pool.map(lambda x: x + 1, [row]))[0]
    return score(row)
"""
    report = trace_text(text)
    assert [d.code for d in report.errors] == ["E0124"]


def test_numpy_arithmetic_with_an_array_is_arithmetic(load_text: Loads) -> None:
    traced_graphs, report = load_text(
        BODY.format("row = np.float32(2) + np.ones(30, np.float32) * row; row = np.zeros(30, np.float32) - row")
    )
    assert not report.errors, report.errors
    kinds = [getattr(node.op, "kind", None) for node in traced_graphs[0].graph.nodes]
    assert [kind for kind in kinds if kind] == ["mul", "add", "sub"]


def test_the_representation_is_allowed_as_debug_text(trace_text: Traces) -> None:
    assert not trace_text(BODY.format("text = repr(row); assert text == '<row: f32[30]>', text")).errors
