"""Who may use what of a service: its endpoints' ways of knowing callers, opened with what the settings hold.

Default-deny: once one endpoint says who may ask, everything of the service but health asks for a caller that the
service knows.
"""

from collections.abc import Iterable, Mapping, Sequence

from . import on_demand
from .access import Access, AnyOf, ApiKeys, Credentials
from .secrets import setting
from .settings import Auth, StartError


class AccessPolicy:
    """The accesses of a service; `auths` are those of all its routes, each the ways of knowing its callers.

    Raises:
        StartError: `setting_missing`, or `bad_setting`, for keys that are not there or are none.
    """

    def __init__(self, auths: Iterable[Sequence[Auth]]) -> None:
        distinct = dict.fromkeys(way for auth in auths for way in auth)
        self._ways: Mapping[Auth, Credentials] = {way: _opened(way) for way in distinct}

    @property
    def rest(self) -> Access | None:
        """Who may use whatever says nothing itself: any caller the service knows; `None` for everybody."""
        return AnyOf(tuple(self._ways.values())) if self._ways else None

    def access(self, auth: Sequence[Auth]) -> Access | None:
        """Who may use a route with this `auth`."""
        return AnyOf([self._ways[way] for way in auth]) if auth else self.rest


def _opened(way: Auth) -> Credentials:
    text = setting(way.setting)
    if text is None or not text.strip():
        what = "keys of callers" if way.kind == "api_key" else "public keys that sign callers' tokens"
        message = f"`{way.setting}` is not set: it holds the {what}; see the README of the build"
        raise StartError("setting_missing", message)
    if way.kind == "api_key":
        return ApiKeys(text, way.setting)
    return on_demand.Tokens(text, way.setting, issuer=way.issuer, audience=way.audience, scopes=way.scopes)
