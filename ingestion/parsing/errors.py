"""Why a file could not be turned into text.

    ParseError
     +-- PermanentParseError   the same bytes fail again: tell the person who uploaded them
     +-- RetryableParseError   this machine's fault at this moment: try again later

`code` is stable and for machines, `message` says what is wrong, `remedy` what to do about it; both
are sentences for the person who uploaded the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ingestion.parsing.enclosures import Enclosed

PermanentCode = Literal[
    "empty_file",
    "unsupported_type",
    "content_mismatch",
    "encrypted",
    "wrong_password",
    "no_pages",
    "no_text",
    "needs_ocr",
    "corrupt",
    "too_large",
    "limit_memory",
    "limit_time",
    "limit_output",
]
PERMANENT_CODES: frozenset[str] = frozenset(get_args(PermanentCode))


class ParseError(Exception):
    """A file was not parsed; `retryable` says whether the same bytes may succeed later."""

    retryable: bool

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(code, message, remedy)
        self.code = code
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class PermanentParseError(ParseError):
    """The file itself is the reason: no retry helps. What was found inside it may still be read."""

    retryable = False
    enclosed: Sequence[Enclosed] = ()

    def __init__(self, code: PermanentCode, message: str, remedy: str = "") -> None:
        super().__init__(code, message, remedy)


class RetryableParseError(ParseError):
    """The parser's process could not start or was killed from outside: retry with back-off."""

    retryable = True
