"""`sklearn(load)`, `xgboost(load)`, `lightgbm(load)`, `torch(load, example)`: a fitted model as a function.

`load` is called at the first use in a build or a plain call, in a limited process of its own. A service ships the
ONNX model it became: import the library inside `load`, and the built tree does not need it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, TypeVar, Unpack, overload

from dagc.dsl.complete import complete
from dagc.dsl.import_source import ImportedModel
from dagc.dsl.model import Model, ModelOf, OnnxModel
from dagc.dsl.service import Service
from dagc.trace.spans import caller_place

Returned = TypeVar("Returned", bound=tuple[object, ...])

Load = Callable[[], object]
"""A function at the top level of a module that returns a fitted model."""


class Limits(TypedDict, total=False):
    """What every importer may be told.

    Attributes:
        outputs: the outputs to keep, by name.
        depends: files the model depends on that Python does not open itself (a library in C++ might).
        memory_mib: memory the process may use, 8192 unless told.
        timeout_s: time it may take, 600 unless told.
        on: the service that runs the model; without one it follows what reads its outputs.
    """

    outputs: Sequence[str]
    depends: Sequence[str]
    memory_mib: int
    timeout_s: float
    on: Service


class Options(Limits, total=False):
    """What importers of estimators may be told.

    Attributes:
        inputs: columns by type: a record class, or a mapping of names to `float`, `int`, `bool`, `str`, `Literal`
            or tensors (`{"x": f32(30)}`). Without it: one input `x` of all features, float32, or one `text` where
            the first step reads texts.
        example: rows the converted model is also checked on: records, mappings, rows of numbers, or texts.
    """

    inputs: type | Mapping[str, object] | None
    example: object


@overload
def sklearn(load: Load, *, returns: None = None, **options: Unpack[Options]) -> Model: ...
@overload
def sklearn(load: Load, *, returns: type[Returned], **options: Unpack[Options]) -> ModelOf[Returned]: ...
@complete("dagc.sklearn(load)")
def sklearn(
    load: Load, *, returns: type[Returned] | None = None, **options: Unpack[Options]
) -> Model | ModelOf[Returned]:
    """A fitted estimator or pipeline of scikit-learn; needs `pip install dagc[convert]` where it is built.

    Its outputs are `label` and `probabilities` (else `scores`) of a classifier, `prediction` of a regressor,
    `label` and `distances` of a clustering, `transformed` of a transformer. Python floats stay float64.

    Args:
        load: called without arguments at build time only; relative paths start at its own file's folder.
        returns: a NamedTuple whose fields name outputs and declare their types.
        options: see `Options`.
    """
    return _declared("sklearn", load, returns, options)


@overload
def xgboost(load: Load, *, returns: None = None, **options: Unpack[Options]) -> Model: ...
@overload
def xgboost(load: Load, *, returns: type[Returned], **options: Unpack[Options]) -> ModelOf[Returned]: ...
@complete("dagc.xgboost(load)")
def xgboost(
    load: Load, *, returns: type[Returned] | None = None, **options: Unpack[Options]
) -> Model | ModelOf[Returned]:
    """A fitted `XGBClassifier` or `XGBRegressor`, as `sklearn`; needs `pip install dagc[xgboost]`."""
    return _declared("xgboost", load, returns, options)


@overload
def lightgbm(load: Load, *, returns: None = None, **options: Unpack[Options]) -> Model: ...
@overload
def lightgbm(load: Load, *, returns: type[Returned], **options: Unpack[Options]) -> ModelOf[Returned]: ...
@complete("dagc.lightgbm(load)")
def lightgbm(
    load: Load, *, returns: type[Returned] | None = None, **options: Unpack[Options]
) -> Model | ModelOf[Returned]:
    """A fitted `LGBMClassifier` or `LGBMRegressor`, as `sklearn`; needs `pip install dagc[lightgbm]`."""
    return _declared("lightgbm", load, returns, options)


@overload
def torch(load: Load, example: object, *, returns: None = None, **options: Unpack[Limits]) -> Model: ...
@overload
def torch(
    load: Load, example: object, *, returns: type[Returned], **options: Unpack[Limits]
) -> ModelOf[Returned]: ...
@complete("dagc.torch(load, f32(3, 224, 224))")
def torch(
    load: Load, example: object, *, returns: type[Returned] | None = None, **options: Unpack[Limits]
) -> Model | ModelOf[Returned]:
    """A `torch.nn.Module` in evaluation mode; needs `pip install dagc[torch]`.

    Its inputs are called as the parameters of `forward`, its outputs as the keys or fields it returns, else
    `output` or `output_0`, `output_1`.

    Args:
        load: as in `sklearn`.
        example: one example without the batch axis: an array or a type (`f32(1, 28, 28)`, a named size is free), a
            tuple of them in the order of `forward`'s parameters, or a mapping by their names.
        returns: a NamedTuple whose fields name outputs and declare their types.
        options: see `Limits`.
    """
    return _declared("torch", load, returns, {**options, "example": example})


def _declared(
    framework: str, load: object, returns: type[Returned] | None, options: Mapping[str, object]
) -> Model | ModelOf[Returned]:
    others = {name: value for name, value in options.items() if name != "on"}
    source = ImportedModel(framework, load, others)
    return OnnxModel(source, None, returns, caller_place(), options.get("on"))  # type: ignore[return-value]  # see OnnxModel
