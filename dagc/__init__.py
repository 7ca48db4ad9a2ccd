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
    "CompileError", "DeadlineExceeded", "Http", "HttpRequest", "KeyValue", "Overloaded", "Refuse",
    "ResourceError", "ResourceGarbled", "ResourceRefused", "ResourceTimeout", "ResourceUnavailable", "Sql",
    "TensorSpec", "Transaction", "Unserved", "aio", "api_key", "argmax", "average", "batch", "boolean",
    "cascade", "cast", "clip", "concat", "each", "exp", "f16", "f32", "f64", "fallback", "graph", "highest",
    "http", "i8", "i16", "i32", "i64", "ingress", "jwt", "keyvalue", "lightgbm", "log", "lowest", "maximum",
    "mean", "minimum", "normalise", "onnx", "quorum", "route", "service", "shadow", "sklearn", "softmax",
    "split", "sql", "sqrt", "stack", "stacked", "step", "string", "switch", "top_k", "torch", "total", "u8",
    "u16", "u32", "u64", "vote", "weighted", "where", "xgboost",
]  # fmt: skip

_MODULES = {
    "dagc.diagnostics.report": "CompileError",
    "dagc.dsl.auth": "api_key jwt",
    "dagc.dsl.each": "each",
    "dagc.dsl.eager": "aio",
    "dagc.dsl.expressions": (
        "argmax average cast clip concat exp highest log lowest maximum mean minimum normalise softmax "
        "sqrt stack top_k total vote weighted where"
    ),
    "dagc.dsl.fallback": "fallback",
    "dagc.dsl.graph": "graph",
    "dagc.dsl.importers": "lightgbm sklearn torch xgboost",
    "dagc.dsl.ingress": "ingress",
    "dagc.dsl.model": "onnx",
    "dagc.dsl.quorum": "quorum",
    "dagc.dsl.refuse": "Refuse",
    "dagc.dsl.resources": "http keyvalue sql",
    "dagc.dsl.route": "cascade route",
    "dagc.dsl.service": "batch service",
    "dagc.dsl.shadow": "shadow",
    "dagc.dsl.split": "split",
    "dagc.dsl.stacked": "stacked",
    "dagc.dsl.step": "step",
    "dagc.dsl.switch": "switch",
    "dagc.dsl.tensors": "TensorSpec boolean f16 f32 f64 i8 i16 i32 i64 string u8 u16 u32 u64",
    "dagc.dsl.unserved": "DeadlineExceeded Overloaded Unserved",
    "dagc.resources": (
        "Http HttpRequest KeyValue ResourceError ResourceGarbled ResourceRefused ResourceTimeout "
        "ResourceUnavailable Sql Transaction"
    ),
}
_HOMES = {name: home for home, names in _MODULES.items() for name in names.split()}


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


if not TYPE_CHECKING:  # a type checker that saw this would believe in every misspelt name

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(
                f"module 'dagc' has no attribute '{name}'", name=name, obj=import_module(__name__)
            )
        found = getattr(import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
