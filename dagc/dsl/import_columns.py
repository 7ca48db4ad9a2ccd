"""The `inputs=` and `example=` of an importer as columns and rows of the order to the child."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from dagc.dsl.annotations import AnnotationError, ir_type
from dagc.dsl.constants import dtype_of
from dagc.dsl.tensors import TensorSpec
from dagc.ir.promotion import scalar_kind
from dagc.ir.types import Choice, DType, Record, Scalar, Tensor, Type
from dagc.models.importers.order import TEXT, Column
from dagc.models.importers.samples import Rows

Array = NDArray[np.generic]

_SCALARS = {"float": "f64", "int": "i64", "bool": "bool", "str": "str"}
"""Python floats stay float64, as scikit-learn computes: rounded before a scaler they fall beside trees' splits."""

_MATRIX = "x"


class BadColumnsError(Exception):
    """A declaration that an importer cannot work with; becomes E0420 at the declaration."""

    def __init__(self, message: str, help: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def table_columns(inputs: object) -> tuple[Column, ...] | None:
    """The columns of a record class or of a mapping of names to types; `None` is not declared.

    Raises:
        BadColumnsError: for anything else, and for types that are no columns.
    """
    if inputs is None:
        return None
    if isinstance(inputs, Mapping):
        columns = tuple(_column(str(name), _type(annotation, str(name))) for name, annotation in inputs.items())
    else:
        columns = _record_columns(inputs)
    if not columns:
        raise BadColumnsError("`inputs=` declares no columns", _FORMS)
    return columns


def tensor_columns(example: object) -> tuple[Column, ...]:
    """The inputs of a module: by the names of a mapping, else numbered by position.

    Raises:
        BadColumnsError: for what is neither an array nor a tensor type.
    """
    if isinstance(example, Mapping):
        return tuple(_tensor(str(name), item) for name, item in example.items())
    items = example if isinstance(example, tuple) else (example,)
    return tuple(_tensor(str(place), item) for place, item in enumerate(items))


def example_rows(example: object, columns: tuple[Column, ...] | None) -> Rows | None:
    """The given rows by column, `[rows, *dims]`; `None` where there are only types.

    Raises:
        BadColumnsError: rows that are not of these columns.
    """
    if _is_texts(example) and (columns is None or (len(columns) == 1 and columns[0].dtype == "str")):
        return {columns[0].name if columns else TEXT: np.array(example, object)[:, np.newaxis]}
    if columns is None or _is_matrix(columns, example):
        name = columns[0].name if columns else _MATRIX
        return {name: _numbers(example, columns[0] if columns else None)}
    if isinstance(example, Sequence) and not isinstance(example, tuple):
        return {column.name: _cells(example, column) for column in columns}
    given = _by_name(example, columns)
    arrays = {name: item for name, item in given.items() if isinstance(item, np.ndarray | np.generic)}
    return {name: np.asarray(item)[np.newaxis] for name, item in arrays.items()} or None


_FORMS = 'write `inputs=Payment`, `inputs={"x": f32(30)}` or `inputs={"age": float, "country": str}`'


def _record_columns(inputs: object) -> tuple[Column, ...]:
    try:
        found = ir_type(inputs)
    except AnnotationError as error:
        raise BadColumnsError(f"`inputs=`: {error.message}", error.help or _FORMS) from None
    if not isinstance(found, Record):
        raise BadColumnsError(
            f"`inputs=` is neither a record class nor a mapping of columns, but `{found}`", _FORMS
        )
    # A record may hold more than the estimator reads: what cannot be a column is none.
    return tuple(_column(field.name, field.type) for field in found.fields if _is_column(field.type))


def _type(annotation: object, name: str) -> Type:
    if isinstance(annotation, TensorSpec):
        return Tensor(DType(annotation.dtype), annotation.dims)
    try:
        return ir_type(annotation)
    except AnnotationError as error:
        raise BadColumnsError(f"`inputs=`: `{name}`: {error.message}", error.help or _FORMS) from None


def _is_column(type: Type) -> bool:
    return isinstance(type, Scalar | Choice) or (isinstance(type, Tensor) and len(type.dims or ()) == 1)


def _column(name: str, type: Type) -> Column:
    if isinstance(type, Scalar):
        return Column(name, _SCALARS[type.kind], (1,))
    if isinstance(type, Choice):
        kinds = {scalar_kind(value) for value in type.values}
        if len(kinds) == 1:
            return Column(name, _SCALARS[kinds.pop()], (1,), type.values)
    if isinstance(type, Tensor) and len(type.dims or ()) == 1:
        return Column(name, str(type.dtype), type.dims or ())
    help = "a column is `float`, `int`, `bool`, `str`, a `Literal` of one of them, or a row such as `f32(30)`"
    raise BadColumnsError(f"`inputs=`: `{name}` is `{type}`, which is no column", help)


def _tensor(name: str, item: object) -> Column:
    if isinstance(item, TensorSpec):
        return Column(name, item.dtype, item.dims)
    if isinstance(item, np.ndarray | np.generic):
        array = np.asarray(item)
        dtype = dtype_of(array)
        if dtype is not None and dtype != "str":
            return Column(name, str(dtype), array.shape)
    help = "give one example without the batch axis: a NumPy array of numbers, or a type such as `f32(1, 28, 28)`"
    raise BadColumnsError(f"the example of `dagc.torch` holds a `{type(item).__name__}`", help)


def _is_texts(example: object) -> TypeGuard[Sequence[str]]:
    return isinstance(example, list | tuple) and bool(example) and all(isinstance(row, str) for row in example)


def _is_matrix(columns: tuple[Column, ...], example: object) -> bool:
    return len(columns) == 1 and not isinstance(example, Mapping | TensorSpec) and columns[0].name != "0"


def _numbers(example: object, column: Column | None) -> Array:
    dtype = "f32" if column is None else column.dtype
    kind = object if dtype == "str" else np.dtype(f"{dtype[0]}{int(dtype[1:]) // 8}")
    try:
        array: Array = np.asarray(example, kind)
    except (TypeError, ValueError) as error:
        raise BadColumnsError(f"`example=` holds no rows of `{dtype}`: {error}", "give rows of numbers") from None
    if array.ndim != 2:
        raise BadColumnsError(f"`example=` has {array.ndim} axes", "give a list of rows: two axes")
    return array


def _cells(rows: Sequence[object], column: Column) -> Array:
    cells = []
    for row in rows:
        cell = row.get(column.name) if isinstance(row, Mapping) else getattr(row, column.name, None)
        if cell is None:
            message = f"a row of `example=` has no `{column.name}`"
            raise BadColumnsError(message, "give records or mappings with every column of `inputs=`")
        cells.append(cell.value if isinstance(cell, Enum) else cell)
    if column.dtype == "str":
        return np.array(cells, object).reshape(len(cells), *_fixed(column))
    return np.array(cells).reshape(len(cells), *_fixed(column))


def _fixed(column: Column) -> tuple[int, ...]:
    return tuple(dim if isinstance(dim, int) else 1 for dim in column.dims)


def _by_name(example: object, columns: tuple[Column, ...]) -> Mapping[str, object]:
    if isinstance(example, Mapping):
        return {str(name): item for name, item in example.items()}
    items = example if isinstance(example, tuple) else (example,)
    return {column.name: item for column, item in zip(columns, items, strict=True)}
