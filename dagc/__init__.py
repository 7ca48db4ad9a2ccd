"""The language a user's `graph.py` imports; the compiler itself is reached through the `dagc` command.

Names are loaded when they are first asked for, so that `dagc --help` does not wait for NumPy and pydantic.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagc.diagnostics.report import CompileError
    from dagc.dsl.auth import api_key, jwt
    from dagc.dsl.each import each
    from dagc.dsl.eager import aio
    from dagc.dsl.expressions import (
        argmax,
        average,
        cast,
        clip,
        concat,
        exp,
        highest,
        log,
        lowest,
        maximum,
        mean,
        minimum,
        normalise,
        softmax,
        sqrt,
        stack,
        top_k,
        total,
        vote,
        weighted,
        where,
    )
    from dagc.dsl.fallback import fallback
    from dagc.dsl.graph import graph
    from dagc.dsl.importers import lightgbm, sklearn, torch, xgboost
    from dagc.dsl.ingress import ingress
    from dagc.dsl.model import onnx
    from dagc.dsl.quorum import quorum
    from dagc.dsl.refuse import Refuse
    from dagc.dsl.resources import http, keyvalue, sql
    from dagc.dsl.route import cascade, route
    from dagc.dsl.service import batch, service
    from dagc.dsl.shadow import shadow
    from dagc.dsl.split import split
    from dagc.dsl.stacked import stacked
    from dagc.dsl.step import step
    from dagc.dsl.switch import switch
    from dagc.dsl.tensors import (
        TensorSpec,
        boolean,
        f16,
        f32,
        f64,
        i8,
        i16,
        i32,
        i64,
        string,
        u8,
        u16,
        u32,
        u64,
    )
    from dagc.dsl.unserved import DeadlineExceeded, Overloaded, Unserved
    from dagc.resources import (
        Http,
        HttpRequest,
        KeyValue,
        ResourceError,
        ResourceGarbled,
        ResourceRefused,
        ResourceTimeout,
        ResourceUnavailable,
        Sql,
        Transaction,
    )

__version__ = "0.1.0"

__all__ = [
    "CompileError",
    "DeadlineExceeded",
    "Http",
    "HttpRequest",
    "KeyValue",
    "Overloaded",
    "Refuse",
    "ResourceError",
    "ResourceGarbled",
    "ResourceRefused",
    "ResourceTimeout",
    "ResourceUnavailable",
    "Sql",
    "TensorSpec",
    "Transaction",
    "Unserved",
    "aio",
    "api_key",
    "argmax",
    "average",
    "batch",
    "boolean",
    "cascade",
    "cast",
    "clip",
    "concat",
    "each",
    "exp",
    "f16",
    "f32",
    "f64",
    "fallback",
    "graph",
    "highest",
    "http",
    "i8",
    "i16",
    "i32",
    "i64",
    "ingress",
    "jwt",
    "keyvalue",
    "lightgbm",
    "log",
    "lowest",
    "maximum",
    "mean",
    "minimum",
    "normalise",
    "onnx",
    "quorum",
    "route",
    "service",
    "shadow",
    "sklearn",
    "softmax",
    "split",
    "sql",
    "sqrt",
    "stack",
    "stacked",
    "step",
    "string",
    "switch",
    "top_k",
    "torch",
    "total",
    "u8",
    "u16",
    "u32",
    "u64",
    "vote",
    "weighted",
    "where",
    "xgboost",
]  # fmt: skip

_OTHER_HOMES: dict[str, str] = {
    "CompileError": "dagc.diagnostics.report",
    "DeadlineExceeded": "dagc.dsl.unserved",
    "Overloaded": "dagc.dsl.unserved",
    "Unserved": "dagc.dsl.unserved",
    "aio": "dagc.dsl.eager",
    "api_key": "dagc.dsl.auth",
    "cascade": "dagc.dsl.route",
    "each": "dagc.dsl.each",
    "fallback": "dagc.dsl.fallback",
    "graph": "dagc.dsl.graph",
    "http": "dagc.dsl.resources",
    "keyvalue": "dagc.dsl.resources",
    "sql": "dagc.dsl.resources",
    "ingress": "dagc.dsl.ingress",
    "jwt": "dagc.dsl.auth",
    "lightgbm": "dagc.dsl.importers",
    "onnx": "dagc.dsl.model",
    "quorum": "dagc.dsl.quorum",
    "Refuse": "dagc.dsl.refuse",
    "route": "dagc.dsl.route",
    "sklearn": "dagc.dsl.importers",
    "service": "dagc.dsl.service",
    "batch": "dagc.dsl.service",
    "shadow": "dagc.dsl.shadow",
    "split": "dagc.dsl.split",
    "stacked": "dagc.dsl.stacked",
    "step": "dagc.dsl.step",
    "switch": "dagc.dsl.switch",
    "torch": "dagc.dsl.importers",
    "xgboost": "dagc.dsl.importers",
}
_RESOURCES = (
    "Http",
    "HttpRequest",
    "KeyValue",
    "ResourceError",
    "ResourceGarbled",
    "ResourceRefused",
    "ResourceTimeout",
    "ResourceUnavailable",
    "Sql",
    "Transaction",
)
_TENSORS = frozenset(
    ["TensorSpec", "boolean", "f16", "f32", "f64", "i8", "i16", "i32", "i64", "string", "u8", "u16", "u32", "u64"]
)
_OTHER_HOMES.update(dict.fromkeys(_TENSORS, "dagc.dsl.tensors") | dict.fromkeys(_RESOURCES, "dagc.resources"))


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


if not TYPE_CHECKING:  # a type checker that saw this would believe in every misspelt name

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(
                f"module 'dagc' has no attribute '{name}'", name=name, obj=import_module(__name__)
            )
        home = _OTHER_HOMES.get(name, "dagc.dsl.expressions")
        found = getattr(import_module(home), name)
        globals()[name] = found
        return found
