"""The library inside every generated service: endpoints, sessions, answers.

It is copied as files and imports nothing of the compiler, so a built tree runs where dagc is not installed. A
request visits: service, admission, turn or waiting, glue, codec (body, strictness), batcher, session, answer.
"""

from .fanout import each
from .service import Service
from .shadow import shadow
from .share import share_of
from .standing import fallback, quorum
from .waiting import together

__all__ = ["Service", "each", "fallback", "quorum", "shadow", "share_of", "together"]
