"""What users write, under the type checkers: everything passes but the lines marked `# refused:`.

The mark names mypy's error code; pyright must refuse the same lines. The file is checked, never run.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple, assert_type

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import TensorSpec, f32, i64, string

Row = Annotated[NDArray[np.float32], f32(30)]
Score = Annotated[NDArray[np.float32], f32()]
Names = Annotated[NDArray[np.str_], string("n", None)]
Floats = NDArray[np.float32]


class Payment(BaseModel):
    user_id: str = Field(max_length=64)
    amount: float = Field(gt=0)
    country: Literal["DE", "FR", "US"]


class Profile(BaseModel):
    age_days: int = 0
    spent: float = 0.0


class Decision(BaseModel):
    allow: bool
    score: float
    reasons: list[str] = []


class Classified(NamedTuple):
    label: Annotated[NDArray[np.int64], i64()]
    probabilities: Annotated[NDArray[np.float32], f32(3)]


scaler = dagc.onnx("models/scaler.onnx")
boosted = dagc.onnx("models/boosted.onnx", sha256="0" * 64)
neural = dagc.onnx("models/neural.onnx", inputs={"x": f32(30)}, reload=True)
classifier = dagc.onnx("models/classifier.onnx", returns=Classified)
listening = dagc.onnx("models/vad.onnx", batch_axes={"state": 1, "rate": None}, returns=Classified)
recurrent = dagc.onnx("models/lstm.onnx", batch_axes={"x": 1, "y": 1})
decision = dagc.step(Decision)
patient = dagc.batch(32, max_wait_ms=2)
compute = dagc.service("compute", cpu=0.5, memory_mib=512, gpu=0, replicas=(1, 4), batch=patient)
distant = dagc.onnx("models/score.onnx", on=compute)
distant_classifier = dagc.onnx("models/classifier.onnx", returns=Classified, on=compute)


def load() -> object:
    return object()


distant_forest = dagc.sklearn(load, inputs=Payment, on=compute)


@dagc.step(on=compute)
def distant_sum(row: Row) -> float:
    return float(row.sum())


def placed(row: Row) -> None:
    assert_type(distant(row), Floats)
    assert_type(distant_classifier(row), Classified)
    assert_type(distant_sum(row), float)


forest = dagc.sklearn(load, inputs=Payment, example=[Payment(user_id="a", amount=1, country="DE")])
boosters = dagc.xgboost(load, returns=Classified, memory_mib=1024), dagc.lightgbm(load, outputs=["label"])
net = dagc.torch(load, f32(1, 28, 28), returns=Classified, timeout_s=60)


@dagc.step
async def profile(user_id: str) -> Profile:
    return Profile()


@dagc.step()
async def rate(country: str, *, default: float = 1.0) -> float:
    return default


profiles = dagc.sql("PROFILES_DATABASE_URL", default="sqlite:///profiles.db", timeout_s=0.05, connections=4)
recent = dagc.keyvalue("FEATURES_URL", default="sqlite:///features.db")


def no_bureau(asked: dagc.HttpRequest) -> object:
    return {"score": len(asked.params)}


bureau = dagc.http("RISK_URL", default=no_bureau, max_answer_bytes=10_000)


@dagc.step(timeout_s=0.05, retries=1, fallback=Profile)
async def stored(user_id: str, *, db: dagc.Sql = profiles, store: dagc.KeyValue = recent) -> Profile:
    assert_type(await db.one("SELECT 1", Profile), Profile)
    assert_type(await db.one_or_none("SELECT 1", Profile, user_id=user_id), Profile | None)
    assert_type(await db.all("SELECT 1", Profile), list[Profile])
    assert_type(await db.execute("DELETE FROM profiles WHERE user_id = :user_id", user_id=user_id), int)
    async with db.transaction() as transaction:
        assert_type(transaction, dagc.Transaction)
        assert_type(await transaction.one("SELECT 1", Profile), Profile)
    assert_type(await store.get("a", Profile), Profile | None)
    assert_type(await store.get_many(["a", "b"], Profile), list[Profile | None])
    await store.put("a", Profile(), ttl_s=60)
    assert_type(await store.delete("a"), int)
    return Profile(
        **await db.one("SELECT age_days, spent FROM profiles WHERE user_id = :user_id", user_id=user_id)
    )


@dagc.step
async def asked(user_id: str, *, service: dagc.Http = bureau) -> float:
    try:
        assert_type(await service.post("/score", Profile, json=Profile()), Profile)
    except dagc.ResourceRefused as refused:
        assert_type(refused.status, int | None)
    except (dagc.ResourceUnavailable, dagc.ResourceTimeout, dagc.ResourceGarbled) as failed:
        assert_type(failed.setting, str)
    return await service.get("/score", float, params={"user": user_id, "new": True, "since": None})


@dagc.graph
def looked_up_together(payment: Payment) -> Score:
    return score_of(stored(payment.user_id), asked(payment.user_id))


@dagc.step
def score_of(profile: Profile, risk: float) -> Score:
    return np.zeros((), np.float32)


other_profile = stored("u1", db=dagc.sql("TEST_DATABASE_URL", default="sqlite://"))


@dagc.step
def encode(payment: Payment, known: Profile) -> Row:
    return np.zeros(30, np.float32)


@dagc.step
def halves(row: Row) -> tuple[Row, Row]:
    return row, row


@dagc.step
def decide(payment: Payment, score: float) -> Decision:
    return Decision(allow=True, score=score)


@dagc.step
def decide_array(payment: Payment, score: Score) -> Decision:
    return Decision(allow=True, score=float(score))


@dagc.graph(version="1.2.0", deadline_s=0.2)
def fraud(payment: Payment) -> Decision:
    row = scaler(encode(payment, profile(payment.user_id)))
    score = dagc.mean(boosted(row), neural(row))
    return decide_array(payment, score)


@dagc.graph
def arithmetic(payment: Payment) -> Score:
    row = encode(payment, profile(payment.user_id))
    known = profile(payment.user_id)
    assert_type(known, Profile)
    assert_type(rate(payment.country, default=2.0), float)
    classified = classifier(row)
    assert_type(classified.label, NDArray[np.int64])
    assert_type(forest(payment), Floats)
    assert_type(net(row).label, NDArray[np.int64])
    first, second = halves(row)
    # NumPy's stubs lose track of float32 in longer arithmetic with floats and call it float64: the cast says it.
    a = dagc.cast((boosted(row) + 1.0) * payment.amount - neural(row) / 2, "f32")
    assert_type(a, NDArray[np.float32])
    b = dagc.where((a > 0.5) & (a < 0.9), a, dagc.exp(-a))
    c = dagc.clip(dagc.sqrt(b), 0.0, 1.0)
    values, places = dagc.top_k(dagc.softmax(classified.probabilities), 2)
    d = dagc.concat(first[:3], second[3:]) + dagc.normalise(row)
    assert_type(dagc.argmax(d), NDArray[np.int64])
    assert_type(dagc.cast(places, "f64"), NDArray[np.float64])
    return dagc.maximum(dagc.mean(c, d[0], values[0]), dagc.total(dagc.stack(c, b)))


@dagc.graph
def record(payment: Payment) -> Decision:
    return decision(allow=payment.amount < 10, score=payment.amount, reasons=[])


@dagc.graph
def several(row: Row) -> tuple[Floats, Decision]:
    return boosted(row), decision(allow=True, score=0.5)


@dagc.graph
def nested(payment: Payment) -> Decision:
    return fraud(payment)


@dagc.step
def payments(profile: Profile) -> list[Payment]:
    return []


@dagc.graph
def for_items(known: Profile, rows: list[Row]) -> tuple[list[Decision], list[Row]]:
    many = payments(known)
    encoded = dagc.each(many, lambda payment: encode(payment, known), max_items=8)
    assert_type(encoded, list[NDArray[np.float32]])
    assert_type(
        dagc.each(many, lambda payment: (payment.amount, rate(payment.country)), max_items=8),
        list[tuple[float, float]],
    )
    assert_type(dagc.each(rows, boosted, max_items=8), list[NDArray[np.float32]])
    nested_names = dagc.each(many, lambda payment: dagc.each(payments(known), fraud, max_items=2), max_items=8)
    assert_type(nested_names, list[list[Decision]])
    return dagc.each(many, fraud, max_items=8), encoded


@dagc.graph
def chosen(payment: Payment, row: Row) -> Score:
    by_country = dagc.switch(payment.country, {"DE": lambda: boosted(row), ("FR", "US"): lambda: neural(row)})
    assert_type(by_country, NDArray[np.float32])
    assert_type(dagc.switch(payment.country, {"DE": 0.5}, default=0.7), float)
    ruled = dagc.route(
        (payment.amount > 1000, lambda: boosted(row)),
        (by_country > 0.5, lambda: by_country),
        otherwise=lambda: neural(row),
    )
    assert_type(dagc.route((payment.amount > 1, "large"), otherwise="small"), str)
    first, second = dagc.split(
        (0.9, lambda: (ruled, payment.amount)), (0.1, lambda: (by_country, payment.amount)), key=payment.user_id
    )
    assert_type(first, NDArray[np.float32])
    assert_type(second, float)
    return dagc.cascade(
        lambda: boosted(row), lambda: dagc.mean(neural(row), first), accept=lambda score: score > 0.9
    )


@dagc.graph
def wrong_choices(payment: Payment, row: Row) -> Score:
    dagc.switch(payment.country)  # refused: call-overload
    dagc.switch(payment.country, {"DE": lambda wide: wide})  # refused: dict-item, misc
    dagc.route((payment.amount > 1, lambda: row))  # refused: call-overload
    dagc.split((0.5, lambda: row), (0.5, lambda: row))  # refused: call-overload
    dagc.split((0.5, lambda: row), (0.5, lambda: row), key=payment.amount)  # refused: call-overload
    dagc.cascade(lambda: boosted(row), lambda: neural(row))  # refused: call-overload
    dagc.cascade(lambda: boosted(row), lambda: neural(row), accept=lambda: True)  # refused: arg-type, misc
    wrong = dagc.switch(payment.country, {"DE": lambda: payment.amount}, default=lambda: 1.0)
    return wrong  # refused: return-value


@dagc.graph
def wrong_items(known: Profile, row: Row) -> list[Decision]:
    many = payments(known)
    dagc.each(row, scaler, max_items=8)  # refused: arg-type
    dagc.each(many, fraud)  # refused: call-arg
    dagc.each(many, fraud, max_items="8")  # refused: arg-type
    dagc.each(many, encode, max_items=8)  # refused: arg-type
    dagc.each(many, lambda payment: payment.amuont, max_items=8)  # refused: attr-defined
    return dagc.each(many, lambda payment: payment.amount, max_items=8)  # refused: arg-type, return-value


async def handler(payment: Payment) -> Decision:
    return await dagc.aio(fraud)(payment)


def plain_call(payment: Payment) -> Decision:
    return fraud(payment)


def refusing(amount: float) -> None:
    if amount > 10:
        raise dagc.Refuse("too much", field="amount")


spec: TensorSpec = f32(3, "n", None)
called: Callable[[Payment], Decision] = fraud


@dagc.graph
def wrong_result(payment: Payment) -> Decision:
    return profile(payment.user_id)  # refused: return-value


@dagc.graph
def wrong_arguments(payment: Payment) -> Decision:
    profile(payment)  # refused: arg-type
    profile()  # refused: call-arg
    profile(name=payment.user_id)  # refused: call-arg
    rate(payment.country, default="much")  # refused: arg-type
    encode(payment, payment)  # refused: arg-type
    decision(allow=True, score="high")  # refused: arg-type
    decision(alow=True, score=0.5)  # refused: call-arg
    decide(payment, payment.country)  # refused: arg-type
    fraud(payment.amount)  # refused: arg-type
    return decide(payment, 0.5)


@dagc.graph
def wrong_names(payment: Payment) -> Score:
    row = scaler(encode(payment, profile(payment.user_id)))
    _ = payment.amuont  # refused: attr-defined
    _ = profile(payment.user_id).spend  # refused: attr-defined
    _ = classifier(row).probabilites  # refused: attr-defined
    dagc.maen(row, row)  # refused: attr-defined
    return dagc.mean(row, payment.country)  # refused: call-overload, no-any-return


def agree(one: Score, other: Score) -> bool:
    return bool(abs(one - other) < 0.1)


def same_text(one: str, other: str) -> bool:
    return one == other


def no_profile() -> Profile:
    return Profile()


@dagc.step(timeout_s=0.05, retries=1, fallback=no_profile)
async def guarded(user_id: str) -> Profile:
    return Profile()


@dagc.graph
def standing(payment: Payment) -> Score:
    assert_type(guarded(payment.user_id), Profile)
    row = scaler(encode(payment, guarded(payment.user_id)))
    safe = dagc.fallback(lambda: boosted(row), lambda: neural(row), within_s=0.05)
    assert_type(safe, Score)
    assert_type(dagc.fallback(lambda: payment.amount, 0.5), float)
    assert_type(dagc.fallback(lambda: boosted(row), 0.5), NDArray[np.float32])
    assert_type(dagc.fallback(lambda: boosted(row), lambda: 0.5), NDArray[np.float32])
    assert_type(dagc.route((payment.amount > 9, lambda: boosted(row)), otherwise=0.5), NDArray[np.float32])
    assert_type(dagc.split((0.9, lambda: boosted(row)), (0.1, 0.5), key=payment.user_id), NDArray[np.float32])
    assert_type(dagc.cascade(lambda: boosted(row), lambda: 0.5, accept=lambda s: s > 0), NDArray[np.float32])
    seen = dagc.shadow(lambda: boosted(row), lambda: neural(row), compare=agree)
    return dagc.quorum(
        [lambda: safe, lambda: seen, lambda: neural(row)],
        need=2,
        within_s=0.05,
        combine=lambda found: dagc.mean(*found),
    )


@dagc.graph
def wrong_standing(payment: Payment) -> Score:
    row = scaler(encode(payment, profile(payment.user_id)))
    dagc.fallback(lambda: boosted(row))  # refused: call-overload
    dagc.fallback(lambda: boosted(row), lambda: neural(row), within="soon")  # refused: call-overload
    dagc.shadow(lambda: boosted(row), lambda: neural(row), compare=same_text)  # refused: misc
    dagc.quorum([lambda: boosted(row)], need=1, within_s=0.1)  # refused: call-arg
    return boosted(row)


@dagc.step(timeout="soon")  # refused: call-overload, untyped-decorator
async def wrong_timeout(user_id: str) -> Profile:
    return Profile()


@dagc.graph(version=1)  # refused: call-overload, untyped-decorator
def wrong_version(row: Row) -> Row:
    return row


@dagc.graph(deadline=0.2)  # refused: call-overload, untyped-decorator
def wrong_option(row: Row) -> Row:
    return row


@dagc.step(run="thread", timeout_s=0.5, retries=1)
def slow(payment: Payment) -> float:
    return payment.amount


@dagc.step(run="process")
def heavy(payment: Payment, weight: float) -> Profile:
    return Profile(spent=weight)


@dagc.step(batch=True)
def together(payments: list[Payment], weights: list[float]) -> list[Profile]:
    return [Profile(spent=weight) for weight in weights]


@dagc.step(batch=True, run="thread")
def arrays(rows: list[Row]) -> Sequence[Row]:
    return rows


@dagc.step(batch=True, timeout_s=0.1, fallback=no_profile)
async def looked_up(user_ids: list[str], *, longest: int = 10) -> list[Profile]:
    return [Profile() for _ in user_ids[:longest]]


@dagc.graph
def elsewhere(payment: Payment) -> Row:
    known = looked_up(payment.user_id)
    assert_type(known, Profile)
    assert_type(slow(payment), float)
    assert_type(together(payment, slow(payment)), Profile)
    assert_type(heavy(payment, 0.5), Profile)
    assert_type(arrays(encode(payment, known)), NDArray[np.float32])
    return arrays(encode(payment, known))


@dagc.graph
def wrong_items_of_batches(payment: Payment) -> Profile:
    together([payment], [0.5])  # refused: arg-type
    looked_up(payment)  # refused: arg-type
    slow(payment.amount)  # refused: arg-type
    return arrays(encode(payment, looked_up("a")))  # refused: return-value


@dagc.step(run="gpu")  # refused: call-overload, untyped-decorator
def wrong_place(user_id: str) -> Profile:
    return Profile()


@dagc.step(batch=True)  # refused: arg-type
def no_list(user_id: str) -> Profile:
    return Profile()


key = dagc.api_key("RATE_API_KEYS")
tokens = dagc.jwt("RATE_JWT_KEYS", issuer="https://login.example.com/", audience="rate", scopes=("decide",))


@dagc.graph(auth=key)
def known_callers(payment: Payment) -> Decision:
    return fraud(payment)


@dagc.graph(auth=(key, tokens), deadline_s=0.2)
def known_by_either(payment: Payment) -> Decision:
    return fraud(payment)


async def application(scope: object, receive: object, send: object) -> None:
    try:
        assert_type(await dagc.aio(known_callers)(Payment(user_id="a", amount=1, country="DE")), Decision)
    except dagc.Overloaded as full:
        assert_type(full.status, int)
    except (dagc.DeadlineExceeded, dagc.Unserved) as late:
        assert_type(late.message, str)


front = dagc.ingress(application, auth="app", max_body_mib=16)
also_front = dagc.ingress(application, auth=[key, tokens])


@dagc.graph(auth="RATE_API_KEYS")  # refused: arg-type
def no_way_of_knowing(payment: Payment) -> Decision:
    return fraud(payment)


async def not_awaited(payment: Payment) -> Decision:
    return dagc.aio(fraud)(payment)  # refused: return-value


async def wrong_aio(payment: Payment) -> Profile:
    return await dagc.aio(fraud)(payment)  # refused: return-value


wrong_dim = f32(2.5)  # refused: arg-type
wrong_path = dagc.onnx(3)  # refused: call-overload
wrong_service = dagc.onnx("models/score.onnx", on="compute")  # refused: call-overload
wrong_cpu = dagc.service("compute", cpu="2")  # refused: arg-type
wrong_replicas = dagc.service("compute", replicas=2)  # refused: arg-type
wrong_batch = dagc.service("compute", batch=32)  # refused: arg-type
wrong_axis = dagc.onnx("models/score.onnx", batch_axes={"x": "first"})  # refused: dict-item
wrong_axes = dagc.onnx("models/score.onnx", batch_axes=[1])  # refused: call-overload
wrong_reload = dagc.onnx("models/score.onnx", reload="daily")  # refused: call-overload
wrong_returns = dagc.onnx("models/score.onnx", returns=Payment)  # refused: type-var
wrong_load = dagc.sklearn("wine.pkl")  # refused: call-overload
wrong_limit = dagc.lightgbm(load, memory_mib="much")  # refused: call-overload
wrong_name = dagc.xgboost(load, exmaple=[])  # refused: call-overload
wrong_example = dagc.torch(load)  # refused: call-overload
wrong_dtype = dagc.cast(np.zeros(3), "float32")  # refused: call-overload
wrong_refusal = dagc.Refuse(status=404)  # refused: call-arg
wrong_setting = dagc.sql(3)  # refused: arg-type
wrong_default = dagc.keyvalue("FEATURES_URL", default=3)  # refused: arg-type
wrong_stand_in = dagc.http("RISK_URL", default=lambda: None)  # refused: arg-type, misc
wrong_resource = stored("u1", db=recent)  # refused: arg-type
wrong_key = dagc.api_key(7)  # refused: arg-type
wrong_token = dagc.jwt("RATE_JWT_KEYS", issuer="a")  # refused: call-arg
wrong_front = dagc.ingress("graph:app")  # refused: type-var
wrong_callers = dagc.ingress(application, auth="me")  # refused: arg-type
