"""Signed tokens: of the right kind, by the right key, for us, now; anything else is nobody's."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

import jwt
import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from dagc.runtime import tokens as room
from dagc.runtime.access import Forbidden
from dagc.runtime.settings import StartError
from dagc.runtime.tokens import Tokens

ISSUER, AUDIENCE = "https://login.example.com/", "rate"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
ALGORITHMS = {"RS256": RSA, "ES256": EC, "EdDSA": ED}


def pem(key: object) -> str:
    return key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: object, **more: object) -> dict[str, object]:
    name = next(name for name, each in ALGORITHMS.items() if type(each) is type(key))
    made = jwt.algorithms.get_default_algorithms()[name].to_jwk(key.public_key())
    return {**json.loads(made), **more}


def claims(**more: object) -> dict[str, object]:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "shop", "exp": now + 60, **more}
    return {name: value for name, value in said.items() if value is not None}


def signed(key: object = EC, algorithm: str = "ES256", kid: str | None = None, **more: object) -> bytes:
    headers = {"kid": kid} if kid else None
    return jwt.encode(claims(**more), key, algorithm, headers=headers).encode()


def known(text: str | None = None, **more: object) -> Tokens:
    return Tokens(text or pem(EC), "RATE_JWT_KEYS", issuer=ISSUER, audience=AUDIENCE, **more)


def caller(token: bytes, text: str | None = None, **more: object) -> str | None:
    return known(text, **more).caller({b"authorization": b"Bearer " + token})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_of_each_kind_of_key_is_its_subjects(algorithm: str) -> None:
    key = ALGORITHMS[algorithm]
    token = signed(key, algorithm)
    assert caller(token, pem(key)) == "shop"
    assert caller(token, json.dumps({"keys": [jwk(key)]})) == "shop"
    assert caller(token, json.dumps(jwk(key, alg=algorithm, use="sig"))) == "shop"
    assert caller(token, pem(RSA) + pem(EC) + "\n" + pem(ED)) == "shop"
    assert caller(token, pem(key).replace("\n", "\\n")) == "shop"


def test_a_key_is_chosen_by_its_name() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    held = json.dumps({"keys": [jwk(EC, kid="old"), jwk(other, kid="new")]})
    assert caller(signed(EC, kid="old"), held) == "shop"
    assert caller(signed(other, kid="new"), held) == "shop"
    assert caller(signed(EC, kid="new"), held) is None
    assert caller(signed(EC, kid="unknown"), held) is None
    assert caller(signed(EC), held) == "shop"


@pytest.mark.parametrize(
    "more",
    [
        {"exp": int(time.time()) - 3600}, {"exp": None}, {"exp": "soon"}, {"exp": float("nan")},
        {"nbf": int(time.time()) + 3600}, {"iss": "https://elsewhere.example.com/"}, {"iss": None},
        {"aud": "another"}, {"aud": None}, {"aud": []}, {"iat": int(time.time()) + 3600},
    ],
)  # fmt: skip
def test_a_token_for_another_time_or_place_is_nobodys(more: Mapping[str, object]) -> None:
    assert caller(signed(**more)) is None


def test_a_clock_may_be_a_little_off() -> None:
    assert caller(signed(exp=int(time.time()) - 5, nbf=int(time.time()) + 5)) == "shop"


def test_one_of_several_audiences_is_enough() -> None:
    assert caller(signed(aud=["another", AUDIENCE])) == "shop"


def part(value: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def test_no_signature_and_a_shared_secret_are_no_ways_to_sign() -> None:
    unsigned = part({"alg": "none", "typ": "JWT"}) + b"." + part(claims())
    assert caller(unsigned + b".") is None
    for algorithm in ("HS256", "none", "RS256", "ES384", "PS256", ""):
        head = part({"alg": algorithm, "typ": "JWT"}) + b"." + part(claims())
        with_the_public_key = hmac.new(pem(EC).encode(), head, hashlib.sha256).digest()
        signature = base64.urlsafe_b64encode(with_the_public_key).rstrip(b"=")
        assert caller(head + b"." + signature) is None


def test_a_token_signed_by_another_key_or_changed_is_nobodys() -> None:
    assert caller(signed(ec.generate_private_key(ec.SECP256R1()))) is None
    head, body, signature = signed().split(b".")
    assert caller(head + b"." + part(claims(sub="admin")) + b"." + signature) is None
    assert caller(head + b"." + body + b"." + signature[:-4]) is None


@pytest.mark.parametrize(
    "token",
    [
        b"", b".", b"..", b"a.b.c", b"a.b.c.d", b"\xff.\xff.\xff", b"." * 5000, part("text") + b".e30.x",
        part({"alg": ["ES256"]}) + b".e30.x", part({"alg": "ES256", "kid": 1}) + b".e30.x",
        part({"alg": "ES256", "crit": ["b64"], "b64": False}) + b".e30.x", part(None) + b".e30.x",
        base64.urlsafe_b64encode(b"[" * 9000) + b".e30.x", part({"alg": {}}) + b".." ,
    ],
)  # fmt: skip
def test_what_is_no_token_is_nobodys(token: bytes) -> None:
    assert caller(token) is None


def test_scopes_are_looked_for_in_both_spellings() -> None:
    wanted = {"scopes": ("decide", "read")}
    assert caller(signed(scope="read write decide"), **wanted) == "shop"
    assert caller(signed(scp=["decide", "read"]), **wanted) == "shop"
    for lacking in ({"scope": "read"}, {"scp": ["decide"]}, {"scope": 7}, {}, {"scp": [["decide", "read"]]}):
        with pytest.raises(Forbidden):
            caller(signed(**lacking), **wanted)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"sub": None, "client_id": "batch"}, "batch"), ({"sub": None, "azp": "app"}, "app"),
        ({"sub": None}, "token"), ({"sub": "s" * 200}, "s" * 64),
    ],
)  # fmt: skip
def test_the_caller_is_called_by_what_the_token_says(more: Mapping[str, object], name: str) -> None:
    assert caller(signed(**more)) == name


def test_a_token_is_read_once_and_forgotten_when_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    decode = jwt.decode
    monkeypatch.setattr(jwt, "decode", lambda *given, **named: (read.append(1), decode(*given, **named))[1])
    found = known()
    token = {b"authorization": b"Bearer " + signed()}
    assert [found.caller(token) for _ in range(5)] == ["shop"] * 5
    assert len(read) == 1
    later = time.time() + 3600
    monkeypatch.setattr(room.time, "time", lambda: later)
    assert found.caller(token) is None


def test_what_is_known_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_KNOWN", 3)
    found = known()
    for number in range(10):
        assert found.caller({b"authorization": b"Bearer " + signed(sub=f"s{number}")}) == f"s{number}"
    assert len(found._known) == 3


def private(key: object) -> str:
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()


SMALL = rsa.generate_private_key(65537, 1024)
P384 = ec.generate_private_key(ec.SECP384R1())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (private(EC), "public key of a private one"), ("secret", "PEM or a JSON key set"), ("{", "no JSON"),
        ('{"keys": []}', "without keys"), ('{"keys": [1]}', "no JSON object"), ("{}", "key 1"),
        ('{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', "only public keys"), ('{"kty": "RSA", "n": "?"}', "key 1"),
        (json.dumps({**jwk(EC), "d": "AA"}), "only public keys"), (pem(EC) + "more", "PEM or a JSON"),
        (json.dumps(jwk(EC, alg="HS256")), "keys of its kind are for"), (pem(SMALL), "fewer than 2048"),
        (pem(P384), "none of RSA, P-256 and Ed25519"), (pem(EC).replace("M", "!"), "no public key"),
        ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "key 1"),
    ],
)  # fmt: skip
def test_a_setting_without_usable_public_keys_stops_the_start(text: str, said: str) -> None:
    with pytest.raises(StartError) as stopped:
        known(text)
    assert said in stopped.value.message
    assert "RATE_JWT_KEYS" in stopped.value.message
