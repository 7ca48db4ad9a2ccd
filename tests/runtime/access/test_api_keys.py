"""Keys of a setting: what is read as one, what stops the start, and who is known by them."""

import pytest

from dagc.runtime.access import FORBIDDEN, UNAUTHORIZED, AnyOf, ApiKeys, Forbidden
from dagc.runtime.settings import StartError

ONE, TWO, THREE = "a" * 32, "b" * 32, "c3" * 16


def known(text: str) -> ApiKeys:
    return ApiKeys(text, "RATE_API_KEYS")


def caller(text: str, name: bytes, value: str) -> str | None:
    return known(text).caller({name: value.encode()})


@pytest.mark.parametrize("text", [f"{ONE},{TWO}", f"{ONE}\n{TWO}\n", f" {ONE} ,\r\n\n {TWO},,", f"{ONE}\r\n{TWO}"])
def test_keys_are_separated_by_commas_or_lines(text: str) -> None:
    assert caller(text, b"x-api-key", ONE) == "key-1"
    assert caller(text, b"x-api-key", TWO) == "key-2"
    assert caller(text, b"x-api-key", THREE) is None


def test_a_name_before_a_key_is_its_callers() -> None:
    text = f"shop: {ONE}\nback-office:{TWO},{THREE}"
    assert [caller(text, b"x-api-key", key) for key in (ONE, TWO, THREE)] == ["shop", "back-office", "key-3"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key_is_sent_as_a_bearer_token_too(scheme: str) -> None:
    assert caller(ONE, b"authorization", f"{scheme} {ONE}") == "key-1"
    assert caller(ONE, b"authorization", f"{scheme}   {ONE} ") == "key-1"


@pytest.mark.parametrize(
    "value", ["", ONE, f"Basic {ONE}", "Bearer", "Bearer ", f"Bearer{ONE}", f"Bearer {ONE}x", f"Bearer {ONE[:-1]}"]
)
def test_what_is_no_key_is_nobodys(value: str) -> None:
    assert caller(ONE, b"authorization", value) is None


@pytest.mark.parametrize("value", [b"\xff" * 32, b"\x00", b"a" * 15_000, b"shop:" + ONE.encode()])
def test_bytes_of_any_kind_are_no_key(value: bytes) -> None:
    assert known(f"shop:{ONE}").caller({b"x-api-key": value}) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no key"), (" ,\n,", "holds no key"), ("short", "key 1"), (f"{ONE},short", "key 2"),
        (f"{ONE},{ONE}", "stands there twice"), (f":{ONE}", "the name of key 1"), ("shop:", "key 1"),
        (f"{'n' * 65}:{ONE}", "the name of key 1"), (f"{ONE} {TWO}", "without spaces"), ("ä" * 40, "ASCII"),
    ],
)  # fmt: skip
def test_a_setting_that_is_none_stops_the_start_and_no_key_is_repeated(text: str, said: str) -> None:
    with pytest.raises(StartError) as stopped:
        known(text)
    assert said in stopped.value.message
    assert "RATE_API_KEYS" in stopped.value.message
    assert not any(key in stopped.value.message for key in (ONE, TWO, "short"))


class Knows:
    def __init__(self, name: str | None) -> None:
        self.name = name

    def caller(self, fields: object) -> str | None:
        if self.name == "forbidden":
            raise Forbidden
        return self.name


def test_one_of_several_ways_is_enough() -> None:
    assert AnyOf([Knows(None), Knows("shop")]).caller({}) == "shop"
    assert AnyOf([Knows("forbidden"), Knows("shop")]).caller({}) == "shop"
    assert AnyOf([Knows("forbidden"), Knows(None)]).caller({}) is FORBIDDEN
    assert AnyOf([Knows(None), Knows(None)]).refusal({}) is UNAUTHORIZED
    assert AnyOf([Knows("shop")]).refusal({}) is None
