"""The thread that hands spans to a collector, in batches; what cannot be handed over is dropped, and counted."""

import gzip
import logging
import random
import ssl
import threading
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from .spans import Span

_LOG = logging.getLogger("dagc.runtime")

_TRY_AGAIN = frozenset({429, 502, 503, 504})  # OTLP specification, "failures"
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
"""That a collector may ask for; spans that come meanwhile wait, and are dropped when they are too many."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where spans go and how, by OpenTelemetry's variables."""

    url: str
    headers: Mapping[str, str]
    timeout_s: float
    compressed: bool
    tls: ssl.SSLContext | None
    every_s: float
    max_batch: int
    max_queue: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """What the environment says.

        Raises:
            ValueError: a variable has no such value.
        """

        def said(name: str, otherwise: str = "") -> str:
            general, own = f"OTEL_EXPORTER_OTLP_{name}", f"OTEL_EXPORTER_OTLP_TRACES_{name}"
            return environment.get(own) or environment.get(general) or otherwise

        own = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        url = own or environment["OTEL_EXPORTER_OTLP_ENDPOINT"].rstrip("/") + "/v1/traces"
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError("the endpoint is no address of the form `http://host:4318`")
        if said("COMPRESSION", "none") not in {"none", "gzip"}:
            raise ValueError("OTEL_EXPORTER_OTLP_COMPRESSION: only `gzip` and `none` are known")
        return cls(
            url=url,
            headers=pairs(said("HEADERS")),
            timeout_s=_positive(said("TIMEOUT", "10000"), "OTEL_EXPORTER_OTLP_TIMEOUT") / 1000,
            compressed=said("COMPRESSION") == "gzip",
            tls=_tls(said("CERTIFICATE"), said("CLIENT_CERTIFICATE"), said("CLIENT_KEY"))
            if url[4] == "s"
            else None,
            every_s=_of_batches(environment, "SCHEDULE_DELAY", "5000") / 1000,
            max_batch=_of_batches(environment, "MAX_EXPORT_BATCH_SIZE", "512"),
            max_queue=_of_batches(environment, "MAX_QUEUE_SIZE", "2048"),
        )


def pairs(text: str) -> dict[str, str]:
    """`a=1,b=%20` as OpenTelemetry writes headers and resources, percent-decoded."""
    found = (each.partition("=") for each in text.split(",") if "=" in each)
    return {unquote(key.strip()): unquote(value.strip()) for key, _, value in found}


class Sender:
    """Takes spans that have ended from any thread, and posts them from its own. Make it after the fork."""

    def __init__(self, destination: Destination, message: Callable[[Sequence[Span]], bytes]) -> None:
        self._to = destination
        self._message = message
        self._waiting: deque[Span] = deque()
        self._dropped = 0
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="dagc-traces", daemon=True)
        self._thread.start()

    def put(self, span: Span) -> None:
        """Take a span, unless too many wait."""
        if len(self._waiting) >= self._to.max_queue:
            self._dropped += 1
            return
        self._waiting.append(span)
        if len(self._waiting) == self._to.max_batch:
            self._wake.set()

    def close(self, within_s: float) -> None:
        """Post what waits, for a moment: a collector that does not answer must not keep the service alive."""
        self._closing.set()
        self._wake.set()
        self._thread.join(within_s)

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wake.wait(self._to.every_s)
            self._wake.clear()
            closing = self._closing.is_set()  # looked at first, so that what was put before is posted
            while self._waiting:
                self._post([self._waiting.popleft() for _ in range(min(len(self._waiting), self._to.max_batch))])
            if self._dropped:
                _LOG.warning("%d spans were dropped: the collector takes them too slowly", self._dropped)
                self._dropped = 0

    def _post(self, spans: Sequence[Span]) -> None:
        body = self._message(spans)
        headers = {"content-type": "application/x-protobuf", "user-agent": "dagc", **self._to.headers}
        if self._to.compressed:
            body, headers["content-encoding"] = gzip.compress(body, mtime=0), "gzip"
        wait_s = _FIRST_WAIT_S
        while (refusal := self._refusal(urllib.request.Request(self._to.url, body, headers))) is not None:
            # Jitter, so that services that were refused together come back apart.
            pause_s = max(refusal.after_s, wait_s * random.uniform(0.5, 1.0))
            if not refusal.may_try_again or wait_s > self._to.timeout_s or self._closing.wait(pause_s):
                _LOG.warning("%d spans were dropped: %s", len(spans), refusal.why)
                return
            wait_s *= 2

    def _refusal(self, request: urllib.request.Request) -> "_Refusal | None":
        """Why the collector did not take a batch, if it did not."""
        try:
            with urllib.request.urlopen(request, timeout=self._to.timeout_s, context=self._to.tls):
                return None
        except urllib.error.HTTPError as error:
            error.close()
            after_s = _seconds(error.headers.get("retry-after", ""))
            return _Refusal(f"the collector answered {error.code}", error.code in _TRY_AGAIN, after_s)
        except OSError as error:
            return _Refusal(f"the collector cannot be reached ({type(error).__name__})", may_try_again=True)
        except Exception as error:  # nothing that a collector does may end the thread
            return _Refusal(f"the collector's answer is not understood ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a batch was not taken, whether it may be later, and when at the earliest."""

    why: str
    may_try_again: bool = False
    after_s: float = 0.0


def _seconds(text: str) -> float:
    """What `Retry-After` asks for, within reason; 0 where it says nothing, or a date."""
    return min(float(text), _LONGEST_WAIT_S) if text.strip().isdecimal() else 0.0


def _tls(authorities: str, certificate: str, key: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=authorities or None)
        if certificate:
            context.load_cert_chain(certificate, key or None)
    except OSError as error:
        raise ValueError(f"a certificate cannot be read ({type(error).__name__})") from None
    return context


def _of_batches(environment: Mapping[str, str], name: str, otherwise: str) -> int:
    return _positive(environment.get(f"OTEL_BSP_{name}") or otherwise, f"OTEL_BSP_{name}")


def _positive(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{name}: `{text[:40]}` is no whole number above 0")
    return int(text)
