"""The table of transfer rules: everything the proof knows of operators, one family to a file.

An operator that is not in the table is not proven. Nothing is assumed of onnxruntime's own operators, which its
optimiser puts in: the proof is made before it.
"""

from collections.abc import Mapping

from dagc.models.rows.bodies import RULES as BODIES
from dagc.models.rows.broadcast import RULES as ELEMENTWISE
from dagc.models.rows.call import Rule
from dagc.models.rows.indexing import RULES as INDEXING
from dagc.models.rows.layout import RULES as LAYOUT
from dagc.models.rows.products import RULES as PRODUCTS
from dagc.models.rows.quantised import RULES as QUANTISED
from dagc.models.rows.recurrent import RULES as RECURRENT
from dagc.models.rows.reductions import RULES as REDUCTIONS
from dagc.models.rows.spatial import RULES as SPATIAL
from dagc.models.rows.tables import RULES as TABLES

ML = "ai.onnx.ml"

_STANDARD: Mapping[str, Rule] = {
    **ELEMENTWISE,
    **LAYOUT,
    **INDEXING,
    **REDUCTIONS,
    **PRODUCTS,
    **SPATIAL,
    **RECURRENT,
    **QUANTISED,
    **BODIES,
}

RULES: Mapping[tuple[str, str], Rule] = {
    **{("", name): rule for name, rule in _STANDARD.items()},
    **{(ML, name): rule for name, rule in TABLES.items()},
}

RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
"""Operators of the default domain that give other numbers with every run, whatever their inputs are."""
