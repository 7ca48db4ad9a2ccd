"""Models that are replaced while the service runs: a file in DAGC_MODELS_DIR takes the built model's place.

It is taken when it has stopped changing, and tried in a process of its own first (`trial.py`): whatever is wrong
with it, the model that serves goes on. Without it the built one serves again, so what serves follows from the
folder alone, also in a worker that starts later.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from .batcher import SessionCall
from .executor import be_nice
from .feed import Array, Feed
from .observer import Watch
from .session import Session
from .settings import SessionSettings, StartError
from .trial import PATIENCE_S, Batch, question

_LOG = logging.getLogger("dagc.reload")
_LOG.setLevel(logging.INFO)  # a new model is worth a line, though warnings are what a service logs

FOLDER = "DAGC_MODELS_DIR"
EVERY_S = 1.0
"""Between two looks; a file is taken at the second one that finds it as it was."""
MOST_BYTES = 2**31
"""No ONNX file is larger."""
_ROWS = 4

Stamp = tuple[int, int, int]
"""Of a file: when it was written, its size and its number; another file has another one."""


class Follower:
    """One model that follows a file."""

    def __init__(
        self,
        settings: SessionSettings,
        folder: Path,
        file: Path,
        call: SessionCall,
        put: Callable[[Session], None],
        watch: Watch,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._file = file
        self._call = call
        self._put = put
        self._watch = watch
        self._seen: Stamp | None = None
        self._followed: Stamp | None = None

    def begin(self) -> None:
        """Take what lies there already; it is not being written."""
        self._seen = self._stamp()
        self.look()

    def look(self) -> None:
        """Follow the file if it has changed, and not since the last look."""
        stamp = self._stamp()
        rests, self._seen = stamp == self._seen, stamp
        if rests and stamp != self._followed:
            self._followed = stamp
            self._follow(self._folder / self._settings.model if stamp is None else self._file)

    def _stamp(self) -> Stamp | None:
        """`None` without a file; one that cannot be asked about is as it was."""
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError:
            return self._followed
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _follow(self, file: Path) -> None:
        serving, name = self._call.session.sha256, ""
        try:
            if file.stat().st_size > MOST_BYTES:
                raise _Refused(f"it has more than {MOST_BYTES} bytes")
            model = file.read_bytes()
            name = sha256(model).hexdigest()
            if name == serving:
                return
            self._put(self._session(model, name))
        except Exception as error:  # whatever it is, it must not end the thread that looks
            why = error if isinstance(error, _Refused) else f"{type(error).__name__}: {error}"
            text = "model `%s` stays %s: %s%s is refused: %s"
            _LOG.warning(text, self._file.stem, serving[:12], file.name, name and f" ({name[:12]})", why)
            self._tell("refused")
        else:
            _LOG.info("model `%s` is now %s, it was %s", self._file.stem, name[:12], serving[:12])
            self._tell("replaced")

    def _session(self, model: bytes, name: str) -> Session:
        """The model's session, open and warm; raises `_Refused`, and `StartError` as `Session.load`."""
        if name != self._settings.sha256:
            why = _tried(model, self._settings, _answered(self._call.session, self._settings))
            if why is not None:
                raise _Refused(why)
        session = Session(replace(self._settings, sha256=name), self._folder)
        session.load(model)
        session.warm()
        return session

    def _tell(self, outcome: str) -> None:
        # From a thread: nobody else counts in this place of the metrics.
        self._watch.observer.event("dagc_model_reloads_total", self._settings.name, outcome)


class _Refused(Exception):
    """A model may not serve."""


def follow(followers: Iterable[Follower]) -> None:
    """From now on the models follow their files; what lies there already serves when this returns."""
    models = tuple(followers)
    for model in models:
        model.begin()
    if models:
        threading.Thread(target=_go_on, args=(models,), name="dagc-reload", daemon=True).start()


def models_folder() -> Path | None:
    """The folder whose files replace models, where there is one.

    Raises:
        StartError: `models_dir`, it is no folder, or one that this user may not read.
    """
    text = os.environ.get(FOLDER)
    if not text:
        return None
    if not Path(text).is_dir():
        raise StartError("models_dir", f"{FOLDER} names no folder: `{text}`")
    if not os.access(text, os.R_OK | os.X_OK):
        message = f"{FOLDER} names a folder that user {os.getuid()} may not read: `{text}`; `chmod a+rx` lets it"
        raise StartError("models_dir", message)
    return Path(text)


def _go_on(models: Iterable[Follower]) -> None:
    be_nice()
    while True:
        time.sleep(EVERY_S)
        for model in models:
            model.look()


def _answered(session: Session, settings: SessionSettings) -> list[Batch]:
    """Batches that the session answers with finite numbers: its successor has to as well."""
    rows = min(_ROWS, session.max_batch)
    random = np.random.default_rng(0)
    feeds = [Feed.of(settings.name, port) for port in settings.feeds]
    asked: list[Mapping[str, Array]] = [
        {feed.name: np.stack([feed.sample()] * rows) for feed in feeds},
        {feed.name: np.stack([_drawn(feed, random) for _ in range(rows)]) for feed in feeds},
    ]
    if session.recent:
        asked.append(session.batch(session.recent[:_ROWS]))
    return [batch for batch in asked if _is_answered(session, batch)]


def _drawn(feed: Feed, random: "np.random.Generator") -> Array:
    zeros = feed.sample()
    return random.standard_normal(zeros.shape).astype(zeros.dtype) if zeros.dtype.kind == "f" else zeros


def _is_answered(session: Session, batch: Batch) -> bool:
    try:
        found = session.outputs(batch)
    except Exception:
        return False
    return all(column.dtype.kind != "f" or bool(np.isfinite(column).all()) for column in found)


def _tried(model: bytes, settings: SessionSettings, batches: list[Batch]) -> str | None:
    """Why the model may not serve, as a process of its own finds out."""
    package = __package__ or ""
    folder = str(Path(__file__).resolve().parents[package.count(".") + 1])
    paths = os.pathsep.join((folder, *filter(None, (os.environ.get("PYTHONPATH"),))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", f"{package}.trial"],
            input=question(model, settings, batches),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it was not loaded and run within {PATIENCE_S} s"
    if done.returncode < 0:
        return f"a process that tried it was ended by {signal.Signals(-done.returncode).name}"
    if done.returncode:
        return f"a process that tried it ended with code {done.returncode}"
    why: str | None = json.loads(done.stdout)["why"]
    return why
