"""Decide a card payment: a database, a feature store and a risk service looked up together, models and a rule."""

import math
from typing import Annotated, Literal, NamedTuple

import numpy as np
from checkout import Order, shop
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(8)]
Score = Annotated[NDArray[np.float32], f32()]

MOST = 0.5
"""A payment is allowed up to this score."""
NEW_DAYS = 30
HASTY = 6
"""Payments within an hour."""
LISTED = frozenset({"cheap-watches", "gift-cards-now"})


class Chances(NamedTuple):
    """Of a payment that is right, and of one that is a thief's."""

    probabilities: Annotated[NDArray[np.float32], f32(2)]


class Payment(BaseModel):
    """A payment with a card, as the shop's checkout asks."""

    user_id: str = Field(max_length=64, examples=["u001"])
    merchant: str = Field(max_length=64, examples=["bookshop"])
    amount: float = Field(gt=0, le=100_000, examples=[49.9])
    country: Literal["DE", "FR", "US"]


class Profile(BaseModel):
    """What is known of a customer; of a stranger nothing."""

    age_days: int = 0
    spent: float = 0.0
    payments: int = 0


class Recent(BaseModel):
    """What a customer did in the last hour, as a stream job writes it into the feature store."""

    payments: int = 0
    declined: int = 0
    countries: int = 1


class Risk(BaseModel):
    """What the bureau thinks of a merchant: 0 is good, 0.5 is unknown."""

    score: float = Field(default=0.5, ge=0, le=1)
    listed: bool = False


class Decision(BaseModel):
    """The answer to the checkout, with reasons that a person can be told."""

    allow: bool
    score: float
    reasons: list[str]


def no_bureau(asked: dagc.HttpRequest) -> object:
    """Stands in for the bureau where RISK_URL is not set: it knows two merchants."""
    listed = asked.params["merchant"] in LISTED
    return {"score": 0.9 if listed else 0.1, "listed": listed}


profiles = dagc.sql("PROFILES_DATABASE_URL", default="sqlite:///profiles.db")
features = dagc.keyvalue("FEATURES_URL", default="sqlite:///features.db")
bureau = dagc.http("RISK_URL", default=no_bureau)

scaler = dagc.onnx("models/scaler.onnx")
boosted = dagc.onnx("models/boosted.onnx", returns=Chances)
neural = dagc.onnx("models/neural.onnx", returns=Chances)
germany = dagc.onnx("models/germany.onnx", returns=Chances)


@dagc.step(timeout_s=0.4, retries=1, fallback=Profile)
async def profile(user_id: str, *, db: dagc.Sql = profiles) -> Profile:
    """The customer's profile; a stranger's is empty."""
    query = "SELECT age_days, spent, payments FROM profiles WHERE user_id = :user_id"
    return await db.one_or_none(query, Profile, user_id=user_id) or Profile()


@dagc.step(timeout_s=0.4, retries=1, fallback=Recent)
async def recent(user_id: str, *, store: dagc.KeyValue = features) -> Recent:
    """What the customer did in the last hour."""
    return await store.get(f"recent:{user_id}", Recent) or Recent()


@dagc.step(timeout_s=0.4, retries=1, fallback=Risk)
async def risk(merchant: str, amount: float, *, service: dagc.Http = bureau) -> Risk:
    """What the bureau thinks of the merchant."""
    return await service.get("/v1/risk", Risk, params={"merchant": merchant, "amount": amount})


@dagc.step
def encode(payment: Payment, known: Profile, lately: Recent, asked: Risk) -> Row:
    """The columns that the models were trained on, in their order."""
    usual = known.spent / known.payments if known.payments else 0.0
    columns = (
        math.log1p(payment.amount),
        math.log1p(usual),
        math.log1p(known.age_days),
        math.log1p(known.payments),
        lately.payments,
        lately.declined,
        lately.countries,
        asked.score,
    )
    return np.array(columns, np.float32)


@dagc.step
def decide(payment: Payment, score: Score, known: Profile, lately: Recent, asked: Risk) -> Decision:
    """Allowed up to a score, and never to a merchant on the list."""
    allow = float(score) <= MOST and not asked.listed
    found = {
        "the merchant is on the bureau's list": asked.listed,
        "the payment looks like fraud": float(score) > MOST,
        "the account is new": known.age_days < NEW_DAYS,
        "many payments within an hour": lately.payments >= HASTY,
        "payments were declined within an hour": lately.declined > 0,
        "payments from several countries within an hour": lately.countries > 1,
    }
    return Decision(allow=allow, score=float(score), reasons=[reason for reason, holds in found.items() if holds])


@dagc.graph(version="1.0.0", deadline_s=1.0, auth=dagc.api_key("FRAUD_API_KEYS"))
def fraud(payment: Payment) -> Decision:
    """Whether a card payment may pass, and why not."""
    known = profile(payment.user_id)
    lately = recent(payment.user_id)
    asked = risk(payment.merchant, payment.amount)
    row = scaler(encode(payment, known, lately, asked))
    score = dagc.switch(
        payment.country,
        {
            "DE": lambda: germany(row).probabilities[1],
            "FR": lambda: dagc.mean(boosted(row).probabilities[1], neural(row).probabilities[1]),
            "US": lambda: dagc.shadow(lambda: boosted(row).probabilities[1], lambda: neural(row).probabilities[1]),
        },
    )
    return decide(payment, score, known, lately, asked)


async def decided(order: Order) -> tuple[bool, list[str]]:
    """Whether the shop's order may be paid, as the served graph decides, and why not."""
    payment = Payment(user_id=order.customer, merchant=order.shop, amount=order.total, country=order.country)
    decision = await dagc.aio(fraud)(payment)
    return decision.allow, decision.reasons


# The shop's customers have no key of the graph: who may ask what of the shop is the shop's own business.
app = dagc.ingress(shop(decided), auth="app")
