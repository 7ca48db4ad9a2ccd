"""Train the models of this folder and write their requests: `python train.py` (NumPy and onnx, about a minute).

The visits are invented, with structure: tastes, genres, popularity, and hours and devices that shift them. Two
stages are trained on them, one after the other: embeddings whose products retrieve, and a small network that ranks
what was retrieved. Then every weight becomes a whole number, and `reference.py` says why that makes answers exact.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from export import export
from numpy.typing import NDArray
from reference import (
    DEVICES,
    EXACT,
    INTERACTION,
    SIMILARITY,
    Weights,
    largest_sums,
    neighbours,
    queries,
    recommend,
)

HERE = Path(__file__).parent
USERS, ITEMS, HOURS, WIDTH, GENRES, HIDDEN = 5_000, 20_000, 24, 32, 16, 16
VISITS_PER_USER = 40
STORED = 1_000
Numbers = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Visits:
    """Who clicked what, where: ids `[visits]`."""

    user: Ids
    hour: Ids
    device: Ids
    item: Ids

    def part(self, chosen: Ids) -> "Visits":
        return Visits(self.user[chosen], self.hour[chosen], self.device[chosen], self.item[chosen])


def main() -> None:
    """Write `models/*.onnx`, `broken/models/*.onnx` and `requests/`."""
    rng = np.random.default_rng(20_260_701)
    visits = invented(rng)
    order = rng.permutation(len(visits.item))
    held_out, second, first = (visits.part(part) for part in np.split(order, [4_000, 34_000]))
    weights = with_ranker(retrieval(first, rng), first, second, rng)
    sums = largest_sums(weights)
    if max(sums.values()) >= EXACT:
        raise SystemExit(f"a sum could be rounded: {sums}")
    export(weights, HERE)
    write_requests(weights, rng)
    report(weights, first, held_out)


def invented(rng: np.random.Generator) -> Visits:
    """Of fifty items a visitor sees by their popularity, the one with the most appeal is clicked."""
    count = USERS * VISITS_PER_USER
    taste, genre = rng.dirichlet(np.full(GENRES, 0.15), USERS), rng.dirichlet(np.full(GENRES, 0.1), ITEMS)
    phase = rng.uniform(0, HOURS, GENRES)
    by_hour = 1 + 0.9 * np.cos((np.arange(HOURS)[:, np.newaxis] - phase) * 2 * np.pi / HOURS)
    by_device = rng.uniform(0.3, 1.7, (len(DEVICES), GENRES))
    seen_by = rng.permutation(1 / np.arange(10, ITEMS + 10) ** 0.8)
    user = np.repeat(np.arange(USERS), VISITS_PER_USER)
    hour, device = rng.integers(0, HOURS, count), rng.integers(0, len(DEVICES), count)
    wanted = taste[user] * by_hour[hour] * by_device[device]
    item = np.empty(count, np.int64)
    for some in np.array_split(np.arange(count), 100):
        shown = rng.choice(ITEMS, (len(some), 50), p=seen_by / seen_by.sum())
        appeal = 24 * np.einsum("vg,vsg->vs", wanted[some], genre[shown]) + rng.gumbel(size=shown.shape)
        item[some] = shown[np.arange(len(some)), appeal.argmax(axis=1)]
    return Visits(user, hour, device, item)


def retrieval(visits: Visits, rng: np.random.Generator) -> Weights:
    """Embeddings by softmax over the items of a batch, each corrected by how often it is in one, and Adagrad."""
    tables = {
        name: rng.normal(0, 0.1, (count, WIDTH))
        for name, count in (("user", USERS), ("hour", HOURS), ("device", len(DEVICES)), ("items", ITEMS))
    }
    steps = {name: np.full(table.shape, 1e-3) for name, table in tables.items()}
    frequency = np.log(np.bincount(visits.item, minlength=ITEMS) + 1.0)
    for _ in range(16):
        for chosen in np.array_split(rng.permutation(len(visits.item)), len(visits.item) // 500):
            some = visits.part(chosen)
            u, h, d = tables["user"][some.user], tables["hour"][some.hour], tables["device"][some.device]
            query, item = u + h + d + u * h + u * d + h * d, tables["items"][some.item]
            chances = _softmax(query @ item.T - frequency[some.item])
            chances[np.arange(len(chosen)), np.arange(len(chosen))] -= 1
            to_query, to_item = chances @ item, chances.T @ query
            for name, ids, gradient in (
                ("user", some.user, to_query * (1 + h + d)), ("hour", some.hour, to_query * (1 + u + d)),
                ("device", some.device, to_query * (1 + u + h)), ("items", some.item, to_item),
            ):  # fmt: skip
                _adagrad(tables[name], steps[name], ids, gradient / len(chosen))
            for name in ("user", "hour", "device"):
                np.clip(tables[name], -15 / 16, 15 / 16, out=tables[name])
    fields = {name: _whole(tables[name] * 16) for name in ("user", "hour", "device")}
    items = _whole(tables["items"] * (127 / np.abs(tables["items"]).max()))
    none = np.zeros(0, np.int64)
    return Weights(**fields, items=items, hidden=none, hidden_bias=none, out=none, nearness=none, popularity=none)


def with_ranker(weights: Weights, known: Visits, some: Visits, rng: np.random.Generator) -> Weights:
    """The ranker, trained to find the clicked item among the neighbours, on visits that retrieval has not seen."""
    query = queries(weights, some.user, some.hour, some.device)
    found = [neighbours(weights, part) for part in np.array_split(query, 60)]
    ids, similarities = (np.concatenate(side) for side in zip(*found, strict=True))
    hits = (ids == some.item[:, np.newaxis]).any(axis=1)
    query, ids, similarities = query[hits], ids[hits], similarities[hits]
    clicked = (ids == some.item[hits, np.newaxis]).argmax(axis=1)
    frequency = np.log(np.bincount(known.item, minlength=ITEMS) + 1.0)
    spread = float(np.rint(similarities / SIMILARITY).std(axis=1).mean())
    values = {
        "hidden": rng.normal(0, 0.3, (WIDTH, HIDDEN)), "hidden_bias": np.zeros(HIDDEN),
        "out": rng.normal(0, 0.3, (HIDDEN, 1)), "nearness": np.ones(()), "popularity": np.zeros(()),
    }  # fmt: skip
    steps = {name: np.full(value.shape, 1e-3) for name, value in values.items()}
    for chosen in (part for _ in range(8) for part in np.array_split(rng.permutation(len(ids)), len(ids) // 100)):
        x = np.rint(query[chosen, np.newaxis] * weights.items[ids[chosen]] / INTERACTION) / 64
        near, common = np.rint(similarities[chosen] / SIMILARITY) / spread, frequency[ids[chosen]]
        inner = np.maximum(x @ values["hidden"] + values["hidden_bias"], 0)
        scores = (inner @ values["out"])[..., 0] + values["nearness"] * near + values["popularity"] * common
        off = _softmax(scores)
        off[np.arange(len(chosen)), clicked[chosen]] -= 1
        off /= len(chosen)
        back = off[..., np.newaxis] * values["out"][:, 0] * (inner > 0)
        gradients = {
            "hidden": np.einsum("vkw,vkh->wh", x, back), "hidden_bias": back.sum(axis=(0, 1)),
            "out": np.einsum("vkh,vk->h", inner, off)[:, np.newaxis],
            "nearness": (off * near).sum(), "popularity": (off * common).sum(),
        }  # fmt: skip
        for name, gradient in gradients.items():
            steps[name] += gradient**2
            values[name] -= 0.05 * gradient / np.sqrt(steps[name])
    return _whole_ranker(weights, {**values, "nearness": values["nearness"] / spread}, frequency)


def _whole_ranker(weights: Weights, values: dict[str, Numbers], frequency: Numbers) -> Weights:
    """The network in whole numbers: one unit of a score stands for `unit` of the score it was trained with."""
    first, second = 63 / np.abs(values["hidden"]).max(), 2_047 / np.abs(values["out"]).max()
    unit = INTERACTION / 64 / first / second
    return replace(
        weights,
        hidden=_whole(values["hidden"] * first),
        hidden_bias=_whole(values["hidden_bias"] * 64 * first),
        out=_whole(values["out"] * second),
        nearness=_whole(values["nearness"] / unit),
        popularity=_whole(values["popularity"] * frequency / unit),
    )


def write_requests(weights: Weights, rng: np.random.Generator) -> None:
    """A thousand users, one line each, and one visit per device as a readable file; the answers are NumPy's."""
    users = np.sort(rng.choice(USERS, STORED, replace=False))
    hours, devices = rng.integers(0, HOURS, STORED), rng.integers(0, len(DEVICES), STORED)
    items, scores = recommend(weights, users, hours, devices)
    cases = [
        {
            "request": {"user": int(user), "hour": int(hour), "device": DEVICES[device]},
            "response": {"picks": [{"item": int(i), "score": float(s)} for i, s in zip(*best, strict=True)]},
            "tolerance": 0.0,
        }
        for user, hour, device, *best in zip(users, hours, devices, items, scores, strict=True)
    ]
    lines = [json.dumps(case, separators=(",", ":")) for case in cases]
    (HERE / "requests" / "users.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for place, device in enumerate(DEVICES):
        case = cases[int((devices == place).argmax())]
        (HERE / "requests" / f"{device}.json").write_text(json.dumps(case, indent=2) + "\n", encoding="utf-8")


def report(weights: Weights, train: Visits, held_out: Visits) -> None:
    """Print how often the clicked item is among the ten, for the two stages, the first alone, and popularity."""
    popular = np.argsort(-np.bincount(train.item, minlength=ITEMS), kind="stable")[:10]
    parts = [held_out.part(part) for part in np.array_split(np.arange(len(held_out.item)), 20)]
    ranked = np.concatenate([recommend(weights, v.user, v.hour, v.device)[0] for v in parts])
    near = np.concatenate([neighbours(weights, queries(weights, v.user, v.hour, v.device))[0] for v in parts])
    clicked = held_out.item[:, np.newaxis]
    for name, picks in (("ranked", ranked), ("nearest", near[:, :10]), ("of 100", near), ("popular", popular)):
        print(f"{name}: {(picks == clicked).any(axis=1).mean():.3f}")
    print(f"largest sums: {largest_sums(weights)}, exact below {EXACT}")


def _softmax(scores: Numbers) -> Numbers:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _adagrad(table: Numbers, steps: Numbers, ids: Ids, gradient: Numbers) -> None:
    np.add.at(steps, ids, gradient**2)
    np.add.at(table, ids, -0.1 * gradient / np.sqrt(steps[ids]))


def _whole(values: Numbers) -> Ids:
    return np.rint(values).astype(np.int64)


if __name__ == "__main__":
    main()
