"""Rooms that a service enters only where service.json, its main.py or its operator asks for them.

Every worker holds what it has loaded, and all of these together are 3 MB of the 100 that two workers may take. A
name of this module is loaded when it is first looked up (PEP 562). All of them are looked up before a service says
that it is ready: no request waits for an import.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .oip.codec import RowCodec as RowCodec
    from .oip.joined import Model as Model
    from .oip.rest import Rest as Rest
    from .reload import Follower as Follower
    from .reload import follow as follow
    from .reload import models_folder as models_folder
    from .step_places import StepPlaces as StepPlaces
    from .tokens import Tokens as Tokens
    from .traced import exporting as exporting
    from .traced import linked as linked
    from .traced import traced as traced
    from .wire.wiring import Wiring as Wiring

_HOMES = {
    "Follower": "reload",
    "Model": "oip.joined",
    "Rest": "oip.rest",
    "RowCodec": "oip.codec",
    "StepPlaces": "step_places",
    "Tokens": "tokens",
    "Wiring": "wire.wiring",
    "exporting": "traced",
    "follow": "reload",
    "linked": "traced",
    "models_folder": "reload",
    "traced": "traced",
}
"""Which module of this package each lives in."""


def __getattr__(name: str) -> object:
    """What lives elsewhere under this name."""
    if name not in _HOMES:
        raise AttributeError(f"nothing is called `{name}` in {__name__}")
    return getattr(import_module(f".{_HOMES[name]}", __package__), name)
