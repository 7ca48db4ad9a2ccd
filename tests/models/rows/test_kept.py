"""Every operator of the table at least once: proven, equal to single rows when run, and throughout as proven."""

import onnx
import pytest

from dagc.models.rows.rules import RULES
from dagc.models.rowwise import mixing
from tests.models.rows.apart import (
    assert_a_poisoned_row_stays_alone,
    assert_every_value_holds,
    assert_rows_stay_apart,
)
from tests.models.rows.kept import KEPT, NOT_RUN

pytestmark = pytest.mark.ort


@pytest.mark.parametrize("name", KEPT)
def test_what_is_proven_gives_the_same_rows_together_and_alone(name: str) -> None:
    assert mixing(KEPT[name]) is None
    for rows in (2, 6):
        assert_rows_stay_apart(KEPT[name], rows=rows, seed=rows)
    assert_every_value_holds(KEPT[name])


@pytest.mark.parametrize(
    "name", sorted(KEPT.keys() - {"binarizer"})
)  # which fails at a NaN, and the whole run with it
def test_a_row_of_infinities_does_not_show_in_its_neighbours(name: str) -> None:
    assert_a_poisoned_row_stays_alone(KEPT[name])


def test_every_operator_of_the_table_is_run() -> None:
    used = {node.op_type for content in KEPT.values() for node in onnx.load_model_from_string(content).graph.node}
    # These have a rule only to say why they are not followed.
    refused = {"CastMap", "DictVectorizer", "ZipMap"}
    assert {name for _, name in RULES} - used - NOT_RUN == refused
