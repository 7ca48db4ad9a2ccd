"""Operations that own arms: one of them is taken, one stands in for another, or several answer together.

An arm is a region. Arms take nothing but what they capture, give as many outputs as the node has, and their types
meet in the node's (`ir/meeting.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

if TYPE_CHECKING:  # a graph is made of operations, and some operations own graphs
    from dagc.ir.graph import Graph

Case = tuple[int | str | bool, ...]
"""The values that select one arm."""


@final
@dataclass(frozen=True, slots=True)
class Switch:
    """The arm whose case holds the value, which is the node's first input.

    `arms` follow `cases`; one more, the last, is the default. Without one, a value that no case holds is an error
    of whoever made it. An `Enum` is compared by its members' values.
    """

    cases: tuple[Case, ...]
    arms: tuple["Graph", ...]


@final
@dataclass(frozen=True, slots=True)
class Route:
    """The arm of the first condition that holds, else the last arm.

    The conditions are the node's first inputs, one fewer than `arms`: truth values, or tensors of one. `pattern`
    is what the user wrote; a cascade's first arm is the small model's answer and its last the big model.
    """

    arms: tuple["Graph", ...]
    pattern: Literal["route", "cascade"] = "route"


@final
@dataclass(frozen=True, slots=True)
class Split:
    """The arm in whose share the key falls; the key, a text or a whole number, is the node's first input.

    Where a key falls depends on it, on `seed` and on the shares alone (`evaluate/split.py`), so it is the same in
    every replica and every build.
    """

    shares: tuple[float, ...]
    arms: tuple["Graph", ...]
    seed: str = ""


@final
@dataclass(frozen=True, slots=True)
class Fallback:
    """The primary's answer; the backup's when the primary fails or takes longer than `within_s` seconds."""

    primary: "Graph"
    backup: "Graph"
    within_s: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Shadow:
    """The champion's answer; the challenger gets the same request and is only compared with it.

    `compare` is the user's function of both answers, as (module, qualified name); without one equal answers agree.
    """

    champion: "Graph"
    challenger: "Graph"
    compare: tuple[str, str] | None = None


@final
@dataclass(frozen=True, slots=True)
class Quorum:
    """What the members that have answered within `within_s` seconds say together; fewer than `need` is an error.

    `combines[i]` takes the answers of `need + i` members as its first inputs, in the members' order: a combination
    of four answers is another region than one of five, so each is ordinary dataflow that fuses.
    """

    members: tuple["Graph", ...]
    need: int
    within_s: float
    combines: tuple["Graph", ...]


Choosing = Switch | Route | Split
"""Those that take one of their arms."""

Standing = Fallback | Shadow | Quorum
"""Those whose arms stand beside each other."""


def combinator(op: Choosing | Standing) -> str:
    """The operation as the user wrote it: `dagc.switch`."""
    name = op.pattern if isinstance(op, Route) else type(op).__name__.lower()
    return f"dagc.{name}"


def arm_titles(op: Choosing | Standing, conditions: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What is said of each region, in the order of `regions`; `conditions` are the names of a route's."""
    match op:
        case Switch(cases=cases, arms=arms):
            listed = tuple(" or ".join(map(repr, case)) for case in cases)
            return tuple(f"case {text}" for text in listed) + (("default",) if len(arms) > len(cases) else ())
        case Route(arms=arms, pattern="cascade"):
            return (f"if {conditions[0]}" if conditions else "accepted", "otherwise")
        case Route(arms=arms):
            named = conditions or tuple(f"rule {number}" for number in range(1, len(arms)))
            return (*(f"if {name}" for name in named), "otherwise")
        case Split(shares=shares):
            return tuple(percent(share) for share in shares)
        case Fallback():
            return ("primary", "backup")
        case Shadow():
            return ("champion", "challenger")
        case Quorum(members=members, need=need, combines=combines):
            answered = (f"of {need + more} answers" for more in range(len(combines)))
            return (*(f"member {number}" for number in range(1, len(members) + 1)), *answered)


def percent(share: float) -> str:
    """`90 %`, `0.5 %`."""
    return f"{share * 100:.6g} %"
