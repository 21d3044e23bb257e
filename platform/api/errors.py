"""Errors as machines see them: one shape under ``/api/``, OpenAI's under ``/v1/``; ``config.errors`` applies both.

    APIException (REST framework)
     +-- Refused          the request must change; names the field and what was expected
     |    +-- TooLarge    413
     |    +-- Conflict    409: the state of things forbids it now
     +-- Absent           404: does not exist for this key; foreign and absent answer byte for byte alike
     +-- Unavailable      503 (retryable) or 502: a model or a dependency did not deliver

``docs/api.md`` lists the codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from rest_framework.exceptions import APIException

OPENAI_PATH = "/v1/"
SOON_SECONDS, LONGEST_WAIT_SECONDS = 2, 86_400


@dataclass(frozen=True)
class Problem:
    """What went wrong, before it is put into the shape of a path."""

    status: int
    code: str
    message: str
    field: str | None = None
    details: Sequence[dict[str, Any]] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, path: str) -> dict[str, Any]:
        """The JSON body of an answer under ``path``."""
        if path.startswith(OPENAI_PATH):
            kind = _openai_type(self.status)
            return {"error": openai_error(self.message, kind, self.field, self.code)}
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.field is not None:
            error["field"] = self.field
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def retry_after(seconds: float | None = None) -> tuple[str, str]:
    """The header, in whole seconds: what a provider asked for, or a moment."""
    return "Retry-After", str(max(SOON_SECONDS, ceil(min(seconds or 0, LONGEST_WAIT_SECONDS))))


def openai_error(message: str, kind: str, param: str | None, code: str) -> dict[str, Any]:
    """OpenAI's shape of an error."""
    return {"message": message, "type": kind, "param": param, "code": code}


def _openai_type(status: int) -> str:
    known = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return known.get(status, "server_error" if status >= 500 else "invalid_request_error")


class Refused(APIException):
    """The request itself must change."""

    status_code = 400

    def __init__(
        self,
        message: str,
        *,
        code: str = "invalid",
        field: str | None = None,
        details: Sequence[dict[str, Any]] = (),
        status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message, code)
        self.status_code = status or type(self).status_code
        self.problem = Problem(self.status_code, code, message, field, details, headers)


class TooLarge(Refused):
    """More than is accepted."""

    status_code = 413


class Conflict(Refused):
    """Not possible in the present state of things."""

    status_code = 409


class Absent(APIException):
    """It does not exist, is another tenant's, or may not be read: the answer does not say which."""

    status_code = 404

    def __init__(self, what: str, *, field: str | None = None, code: str = "not_found") -> None:
        super().__init__(what, code)
        self.problem = Problem(404, code, f"There is no such {what}.", field)


class Unavailable(APIException):
    """Something behind the API did not deliver; ``retryable`` says whether waiting helps."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "unavailable",
        retryable: bool = True,
        details: Sequence[dict[str, Any]] = (),
        wait: float | None = None,
    ) -> None:
        super().__init__(message, code)
        self.status_code = 503 if retryable else 502
        headers = (retry_after(wait),) if retryable else ()
        self.problem = Problem(self.status_code, code, message, details=details, headers=headers)
