"""Who may use a service, as a plan says it: names of settings, never what they hold."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyAuth(_Plain):
    """Callers are known by a key of a setting."""

    kind: Literal["api_key"] = "api_key"
    setting: str


class TokenAuth(_Plain):
    """Callers are known by a token that a public key of a setting has signed."""

    kind: Literal["jwt"] = "jwt"
    setting: str
    issuer: str
    audience: str
    scopes: tuple[str, ...] = ()


Auth = Annotated[KeyAuth | TokenAuth, Field(discriminator="kind")]


class Ingress(_Plain):
    """The user's application in front of a service: `name` of the user's `module`.

    `auth` says who may use it; `open` that it sees to that itself.
    """

    module: str
    name: str
    auth: tuple[Auth, ...] = ()
    open: bool = False
    max_body_bytes: int = Field(gt=0)
    line: str
