"""The table an estimator reads: declared columns matched with those it was fitted with, rows as it takes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dagc.diagnostics.suggest import closest
from dagc.models.importers.anatomy import kind, picks_columns
from dagc.models.importers.knots import Feature
from dagc.models.importers.order import TEXT, Column, ImportFailure, Order
from dagc.models.importers.samples import Rows
from dagc.models.importers.texts import reads_texts, vectorisers

Array = NDArray[np.generic]

MATRIX = "x"
"""The name of the only input where none is declared."""


def fitted_names(estimator: object) -> tuple[str, ...]:
    """The column names of the table it was fitted with, if it had any."""
    names = getattr(estimator, "feature_names_in_", None)
    return () if names is None else tuple(str(name) for name in names)


def resolved_columns(estimator: object, order: Order) -> tuple[Column, ...]:
    """The inputs of the model, in the order of the estimator's features.

    Raises:
        ImportFailure: E0427 when the declaration does not cover what it was fitted with.
    """
    count: int | None = getattr(estimator, "n_features_in_", None)
    names = fitted_names(estimator)
    if reads_texts(estimator):
        return (_text(estimator, order),)
    if order.columns is None:
        return (_whole(estimator, count, names),)
    if any(len(column.dims) != 1 or not isinstance(column.dims[0], int) for column in order.columns):
        raise ImportFailure(
            "E0427", f"the inputs of a `{kind(estimator)}` are columns or one row of numbers", help=_FORM
        )
    if names and not (len(order.columns) == 1 and order.columns[0].width == len(names) > 1):
        return _by_name(order, names)
    if names and picks_columns(estimator):
        raise _needs_names(names)
    declared = sum(column.width for column in order.columns)
    if count is not None and declared != count:
        raise ImportFailure(
            "E0427",
            f"the estimator was fitted with {count} features, and `inputs=` declares {declared}",
            help="declare the columns it was fitted with, in their order, and no others",
        )
    return order.columns


def table_of(estimator: object, columns: Sequence[Column], features: Sequence[Feature], rows: Rows) -> object:
    """The rows as the estimator takes them: a data frame if it was fitted with one, texts or else a matrix.

    Raises:
        ImportFailure: E0421 when a data frame is needed and pandas is not installed.
    """
    if reads_texts(estimator):
        return rows[columns[0].name].ravel().tolist()
    names = fitted_names(estimator)
    whole = _matrix(columns, features, rows)
    if not names:
        return whole
    try:
        import pandas
    except ImportError:
        message = "the estimator was fitted with a data frame, and `pandas` is not installed"
        raise ImportFailure("E0421", message, help="`pip install pandas`, or fit it with arrays") from None
    if len(columns) == 1:
        return pandas.DataFrame(whole, columns=list(names))
    return pandas.DataFrame({column.name: _plain(rows[column.name]).ravel() for column in columns})


_FORM = 'write `inputs={"x": f32(30)}`, a record class, or `inputs={"age": float, "country": str}`'


def _text(estimator: object, order: Order) -> Column:
    """The one column of a pipeline that begins with a vectoriser."""
    if order.columns is None:
        return Column(TEXT, "str", (1,))
    if len(order.columns) == 1 and order.columns[0].dtype == "str" and order.columns[0].width == 1:
        return order.columns[0]
    declared = ", ".join(f"`{column.name}`" for column in order.columns)
    raise ImportFailure(
        "E0427",
        f"what `{order.qualname}` returns reads one text, and `inputs=` declares {declared}",
        help=f'leave `inputs=` out, or write `inputs={{"{TEXT}": str}}`',
    )


def _whole(estimator: object, count: int | None, names: tuple[str, ...]) -> Column:
    if count is None:
        raise ImportFailure("E0427", f"a `{kind(estimator)}` does not say how many features it takes", help=_FORM)
    if names and picks_columns(estimator):
        raise _needs_names(names)
    if any(vectorisers(estimator)):
        message = "a part of the estimator reads a column of texts, and `inputs=` does not say which"
        raise ImportFailure(
            "E0427", message, help='name all columns in their order: `inputs={"text": str, "age": float}`'
        )
    return Column(MATRIX, "f32", (count,))


def _needs_names(names: tuple[str, ...]) -> ImportFailure:
    shown = ", ".join(f"`{name}`" for name in names[:6]) + (", ..." if len(names) > 6 else "")
    return ImportFailure(
        "E0427",
        "the estimator picks columns by name, and `inputs=` does not name them",
        (f"it was fitted with {shown}",),
        "declare them by type, as a record class or a mapping: `inputs=Payment`",
    )


def _by_name(order: Order, names: tuple[str, ...]) -> tuple[Column, ...]:
    declared = {column.name: column for column in order.columns or ()}
    missing = [name for name in names if name not in declared]
    if missing:
        near = closest(missing[0], list(declared))
        raise ImportFailure(
            "E0427",
            f"the estimator was fitted with a column `{missing[0]}`, which `inputs=` does not have",
            help=f"did you mean `{near}`?"
            if near
            else f"`inputs=` has {', '.join(f'`{name}`' for name in declared)}",
        )
    return tuple(declared[name] for name in names)


def _matrix(columns: Sequence[Column], features: Sequence[Feature], rows: Rows) -> Array:
    parts = [_plain(rows[column.name]).reshape(len(rows[column.name]), -1) for column in columns]
    kinds = {part.dtype.kind for part in parts}
    if "O" in kinds:
        return np.concatenate([part.astype(object) for part in parts], axis=1)
    if kinds <= set("iub") and any(whole_categories(feature) for feature in features):
        return np.concatenate(parts, axis=1)
    return np.concatenate([part.astype(np.float64) for part in parts], axis=1)


def whole_categories(feature: Feature) -> bool:
    """Whether an encoder tells it apart by whole numbers."""
    return any(isinstance(value, int) and not isinstance(value, bool) for value in feature.values)


def _plain(array: Array) -> Array:
    """Floats as the float64 numbers scikit-learn computes with."""
    return array.astype(np.float64) if array.dtype.kind == "f" else array
