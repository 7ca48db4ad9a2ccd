"""Modules of torch as ONNX models, by the exporter that traces with `torch.export` (`dynamo=True`).

The older exporter was wrong by 6e-2 on a transformer. Names are given afterwards: the exporter lets an output
clash with a layer of that name.
"""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.loading import described
from dagc.models.importers.made import Made
from dagc.models.importers.order import SEED, Column, Dim, ImportFailure, Order
from dagc.models.importers.ports import BATCH, Output, rename, set_inputs, set_outputs
from dagc.models.importers.samples import Rows
from dagc.models.importers.verdict import differences
from dagc.models.proto import canonical_bytes
from dagc.models.runner import Runner

if TYPE_CHECKING:
    import onnx

Array = NDArray[np.generic]

_OPSET = 18
"""The oldest one the exporter writes directly."""

_ROWS = 16
_SIZES = (5, 9)
"""Two sizes for each free axis: a model that only works at the traced one is found by the other."""


class _Tensor(Protocol):
    def numpy(self) -> Array:
        """Its numbers, which it shares."""
        ...

    def detach(self) -> "_Tensor":
        """The same without its history, which `numpy` needs."""
        ...


class _Module(Protocol):
    forward: Callable[..., object]

    def __call__(self, **inputs: object) -> object: ...

    def eval(self) -> object:
        """Leave training: no dropout, and statistics as they were learnt."""
        ...


def convert_module(module: object, order: Order, example: Rows | None) -> Made:
    """The model with its reference answers.

    Raises:
        ImportFailure: E0423 for anything but a module, E0424 for one the exporter refuses, E0425 when another size
            of a free axis gives other numbers, E0427 when it does not run on its declared inputs.
    """
    checked = _module(module, order)
    columns = _named(checked, order)
    rows = [_rows(columns, example, size) for size in _SIZES]
    answers = [_answers(checked, given, order) for given in rows]
    model = _exported(checked, columns, rows[0], answers[0], order)
    runner = Runner(model)
    for given, wanted in zip(rows[1:], answers[1:], strict=True):
        found = dict(zip(wanted, runner.run(given, list(wanted)), strict=True))
        different = differences(wanted, found)
        if different:
            first = different[0]
            raise ImportFailure(
                "E0425",
                f"what `{order.qualname}` returns answers differently as ONNX at another size of a free axis",
                (f"output `{first.output}`: {first.first}",),
                "give the axis its size in the example, or remove what depends on the traced size",
            )
    return Made(model, columns, rows[0], answers[0])


def _module(module: object, order: Order) -> _Module:
    from torch import nn

    if isinstance(module, nn.Module):
        module.eval()
        return cast("_Module", module)
    what = f"the class `{module.__name__}`" if isinstance(module, type) else f"a `{type(module).__name__}`"
    help = "return the module itself, with its weights loaded"
    if isinstance(module, Mapping):
        help = "build the module, call `module.load_state_dict(...)` and return the module"
    raise ImportFailure("E0423", f"`{order.qualname}` returns {what}, not a `torch.nn.Module`", help=help)


def _named(module: _Module, order: Order) -> tuple[Column, ...]:
    """The declared inputs under the names of `forward`'s parameters; those given by position carry a number."""
    taken = [
        name for name, p in inspect.signature(module.forward).parameters.items() if p.kind is not p.VAR_KEYWORD
    ]
    columns = []
    for place, column in enumerate(order.columns or ()):
        if column.name.isdigit():
            if place >= len(taken):
                message = f"`forward` takes {len(taken)} inputs, and the example has {len(order.columns or ())}"
                raise ImportFailure("E0427", message, help=f"its parameters are {_listed(taken)}")
            column = Column(taken[place], column.dtype, column.dims)
        elif column.name not in taken:
            message = f"`forward` has no parameter `{column.name}`"
            raise ImportFailure("E0427", message, help=f"its parameters are {_listed(taken)}")
        columns.append(column)
    return tuple(columns)


def _rows(columns: Sequence[Column], example: Rows | None, size: int) -> Rows:
    """The example first, where its free axes have this size, then seeded rows like it."""
    random = np.random.default_rng(SEED)
    rows: Rows = {}
    for place, column in enumerate(columns):
        given = (
            None
            if example is None
            else next((example[n] for n in (column.name, str(place)) if n in example), None)
        )
        shape = tuple(dim if isinstance(dim, int) else size for dim in column.dims)
        rows[column.name] = _like(column, given, (_ROWS, *shape), random)
    return rows


def _like(column: Column, given: Array | None, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    if column.dtype == "bool":
        drawn: Array = random.integers(2, size=shape).astype(bool)
    elif column.dtype[0] in "iu":
        values = np.arange(2) if given is None else np.unique(given)  # an embedding knows no others
        drawn = random.choice(values, shape).astype(f"{column.dtype[0]}{int(column.dtype[1:]) // 8}")
    else:
        drawn = random.standard_normal(shape).astype(f"f{int(column.dtype[1:]) // 8}")
    if given is not None and given.shape[1:] == shape[1:]:
        drawn[: len(given)] = given[:_ROWS]
    return drawn


def _answers(module: _Module, rows: Rows, order: Order) -> dict[str, Array]:
    import torch

    try:
        with torch.no_grad():
            found = module(**{name: torch.from_numpy(array) for name, array in rows.items()})
    except Exception as error:  # modules raise what they like
        shapes = ", ".join(f"`{name}` {array.dtype}{list(array.shape)}" for name, array in rows.items())
        raise ImportFailure(
            "E0427",
            f"the module that `{order.qualname}` returns does not run on its example: {described(error)}",
            (f"it was given {shapes}, with the batch as axis 0",),
            "give one example without the batch axis, with the dtypes that `forward` takes",
        ) from None
    return {name: tensor.detach().numpy() for name, tensor in _tensors(found).items()}


def _tensors(found: object) -> dict[str, _Tensor]:
    """The tensors of a result by name: its keys or fields, else numbered."""
    if isinstance(found, Mapping):
        named = {str(name): item for name, item in found.items()}
    elif hasattr(found, "_fields") and isinstance(found, tuple):
        named = dict(zip(getattr(found, "_fields", ()), found, strict=True))
    elif isinstance(found, tuple | list):
        named = {f"output_{place}": item for place, item in enumerate(found)}
    else:
        named = {"output": found}
    tensors = {name: cast("_Tensor", item) for name, item in named.items() if item is not None}
    if not tensors or any(not hasattr(item, "detach") for item in tensors.values()):
        raise ImportFailure(
            "E0427", "`forward` returns something else than tensors", help="return tensors, or a dict of them"
        )
    return tensors


def _exported(
    module: _Module, columns: Sequence[Column], rows: Rows, answers: Mapping[str, Array], order: Order
) -> bytes:
    import torch

    warnings.simplefilter("ignore")
    free = {name: torch.export.Dim(name) for column in columns for name in _free(column)}
    shapes = {c.name: {0: torch.export.Dim(BATCH), **{1 + p: free[n] for p, n in _places(c)}} for c in columns}
    try:
        program = torch.onnx.export(
            module,
            (),
            kwargs={name: torch.from_numpy(array) for name, array in rows.items()},
            dynamo=True,
            dynamic_shapes=shapes,
            opset_version=_OPSET,
            external_data=False,
            verbose=False,
        )
    except Exception as error:  # the exporter raises a family of its own, with reports of many lines
        raise ImportFailure(
            "E0424",
            f"the module that `{order.qualname}` returns cannot be exported to ONNX",
            (f"torch says {described(error)}",),
            "remove Python branches on tensor values and fixed batch sizes, or export it yourself for `dagc.onnx`",
        ) from None
    proto: onnx.ModelProto = program.model_proto
    made = [value.name for value in proto.graph.input]
    rename(proto.graph, {old: f"given_{place}" for place, old in enumerate(made)})
    rename(proto.graph, {f"given_{place}": column.name for place, column in enumerate(columns)})
    set_inputs(proto, columns, matrix=None)
    raw = [(value.name, value.type.tensor_type.elem_type) for value in proto.graph.output]
    set_outputs(
        proto,
        [
            Output(name, wanted, element, tuple(_dims(answers[wanted], columns)))
            for (name, element), wanted in zip(raw, answers, strict=True)
        ],
    )
    return canonical_bytes(proto)


def _free(column: Column) -> list[str]:
    return [name for _, name in _places(column)]


def _places(column: Column) -> list[tuple[int, str]]:
    """The free axes of one example with a name each."""
    return [
        (place, dim or f"{column.name}_{place}")
        for place, dim in enumerate(column.dims)
        if not isinstance(dim, int)
    ]


def _dims(answer: Array, columns: Sequence[Column]) -> list[Dim]:
    """The sizes behind the batch axis; unknown where they may come from a free axis."""
    free = any(_free(column) for column in columns)
    return [None if free and size in _SIZES else size for size in answer.shape[1:]]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
