"""Operations that own arms, and their arms, in words: for messages, names of regions and pictures."""

from dagc.ir.graph import Choosing, Fallback, Quorum, Route, Shadow, Split, Standing, Switch


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
