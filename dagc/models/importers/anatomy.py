"""What a fitted estimator is made of: its parts by kind, whether it is fitted, what of it cannot be converted."""

from collections.abc import Iterator

from dagc.models.importers.loading import described
from dagc.models.importers.order import ImportFailure, Order

_SMOOTH = frozenset({
    "CountVectorizer", "ElasticNet", "Lasso", "LinearRegression", "LinearSVC", "LinearSVR", "LogisticRegression",
    "MLPClassifier", "MLPRegressor", "MaxAbsScaler", "MinMaxScaler", "Normalizer", "PCA", "Pipeline", "Ridge",
    "RobustScaler", "SGDClassifier", "SGDRegressor", "SVC", "SVR", "StandardScaler", "TfidfTransformer",
    "TfidfVectorizer", "TruncatedSVD",
})  # fmt: skip
"""What changes as little as its input does: a rounding to float32 cannot send a row another way."""

_TREES = frozenset({
    "DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor",
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
    "GradientBoostingClassifier", "GradientBoostingRegressor", "XGBClassifier", "XGBRegressor", "XGBRFClassifier",
    "XGBRFRegressor",
})  # fmt: skip
"""What rounds its input to float32 itself."""

_FRAMES_ONLY = frozenset({"Pipeline", "ColumnTransformer", "FeatureUnion", "FunctionTransformer"})
_HISTOGRAM = "HistGradientBoosting"


def kind(estimator: object) -> str:
    """The name of its class."""
    return type(estimator).__name__


def parts(estimator: object) -> Iterator[object]:
    """The estimator and all it holds, outermost first."""
    yield estimator
    inner: list[object] = [step for _, step in getattr(estimator, "steps", ())]
    inner += [part for _, part, _ in getattr(estimator, "transformers_", ())]
    inner += [part for _, part in getattr(estimator, "transformer_list", ())]
    for name in (
        "estimators_",
        "calibrated_classifiers_",
        "best_estimator_",
        "estimator_",
        "final_estimator_",
        "estimator",
    ):
        found = getattr(estimator, name, None)
        inner += list(_flat(found)) if not isinstance(found, str) else []
    for part in inner:
        if hasattr(part, "get_params") or hasattr(part, "estimator"):
            yield from parts(part)


def float32_suffices(estimator: object) -> bool:
    """Whether float32 cannot change a decision: it is smooth throughout, or a tree that reads the input itself."""
    return kind(estimator) in _TREES or all(kind(part) in _SMOOTH for part in parts(estimator))


def picks_columns(estimator: object) -> bool:
    """Whether its first step is a column transformer."""
    steps = getattr(estimator, "steps", None)
    if steps:
        return picks_columns(steps[0][1])
    best = getattr(estimator, "best_estimator_", None)
    return picks_columns(best) if best is not None else hasattr(estimator, "transformers_")


def check_fitted(estimator: object, order: Order) -> None:
    """Nothing for a fitted estimator.

    Raises:
        ImportFailure: E0423 for anything else, with what to return instead.
    """
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    load = order.qualname
    if isinstance(estimator, type) or not (hasattr(estimator, "predict") or hasattr(estimator, "transform")):
        raise _no_estimator(estimator, load)
    if kind(estimator) == "Booster":
        raise ImportFailure(
            "E0423",
            f"`{load}` returns a bare `Booster`, which does not say what it predicts",
            help="return the estimator around it, for example `model = XGBClassifier(); model.load_model(path)`",
        )
    if not hasattr(estimator, "get_params"):
        raise _no_estimator(estimator, load)
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        message = f"`{load}` returns a `{kind(estimator)}` that is not fitted"
        raise ImportFailure(
            "E0423", message, help="call `.fit(...)` before returning it, or load a fitted one"
        ) from None
    except Exception as error:  # estimators of others answer this question in their own ways
        raise ImportFailure(
            "E0423", f"`{load}` returns a `{kind(estimator)}` that raises {described(error)}"
        ) from None


def cannot_convert(estimator: object, order: Order, reason: str) -> ImportFailure:
    """E0424 that names the part at fault, where it is known."""
    from skl2onnx._supported_operators import sklearn_operator_name_map

    known = {supported.__name__ for supported in sklearn_operator_name_map}
    names = [kind(part) for part in parts(estimator)]
    histogram = next((name for name in names if name.startswith(_HISTOGRAM)), None)
    unknown = next((name for name in names if name not in known | _FRAMES_ONLY), None)
    culprit = histogram or unknown or kind(estimator)
    help = "use an estimator of the tested list in examples/importers.md, or export it yourself for `dagc.onnx`"
    if histogram:
        plain, reason = histogram.removeprefix("Hist"), "skl2onnx does not convert it"
        help = f"train a `{plain}`, or a model of xgboost or LightGBM for `dagc.xgboost` or `dagc.lightgbm`"
    return ImportFailure(
        "E0424", f"the `{culprit}` that `{order.qualname}` returns cannot be converted to ONNX", (reason,), help
    )


def _flat(found: object) -> Iterator[object]:
    if isinstance(found, list | tuple):
        for item in found:
            yield from _flat(item)
    elif hasattr(found, "ravel"):
        yield from found.ravel().tolist()
    elif found is not None:
        yield found


def _no_estimator(found: object, load: str) -> ImportFailure:
    what = f"the class `{found.__name__}`" if isinstance(found, type) else f"a `{type(found).__name__}`"
    help = "return the fitted estimator itself: an object with `predict` or `transform`"
    if found is None:
        help = "`load` ends without `return`: return the fitted estimator"
    if isinstance(found, tuple | dict | list):
        help = "return only the fitted estimator; `example=` takes rows to check it on"
    return ImportFailure("E0423", f"`{load}` returns {what}, not a fitted estimator", help=help)
