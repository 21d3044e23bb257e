"""What an exception of an API view means to a client, in the one shape of ``api.errors``.

``api_exception_handler`` is REST framework's. What never reaches a view, or escapes one, ends in ``error_pages``, which
writes the same shape.
"""

import logging
from typing import Any

from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.http import Http404
from rest_framework import exceptions as rest
from rest_framework.response import Response

from api import limits
from api.errors import Problem
from config import error_pages
from inference.errors import InferenceError, LimitReached
from retrieval.errors import SearchRefused

logger = logging.getLogger(__name__)
UNAUTHENTICATED = Problem(
    401, "unauthenticated", "Send a valid API key, as in: Authorization: Bearer fn_..."
)
NOT_FOUND = Problem(404, "not_found", "There is nothing at this address.")
UNAVAILABLE = Problem(
    503,
    "unavailable",
    "The service cannot reach its database right now. Please try again in a moment.",
    headers=(("Retry-After", str(error_pages.RETRY_SECONDS)),),
)
# REST framework's own exceptions, by class, and the code that each gets.
CODES = {
    rest.ParseError: "malformed",
    rest.PermissionDenied: "forbidden",
    rest.MethodNotAllowed: "method_not_allowed",
    rest.UnsupportedMediaType: "unsupported_media_type",
    rest.Throttled: "rate_limited",
}


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The response for an exception of an API view; None for what is a fault of ours (500)."""
    problem = problem_of(error)
    if problem is None:
        return None
    headers = dict(problem.headers)
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    return Response(problem.body(context["request"].path), status=problem.status, headers=headers)


def problem_of(error: BaseException | None) -> Problem | None:
    """What an exception means to a client; None when it means nothing but a fault."""
    if isinstance(error, rest.APIException):
        return _of_rest(error)
    if error_pages.is_unavailable(error):
        logger.warning("The database did not answer: %s", error)
        return UNAVAILABLE
    if isinstance(error, Http404):
        return NOT_FOUND
    return _of_domain(error)


def _of_domain(error: BaseException | None) -> Problem | None:
    if isinstance(error, SearchRefused):
        return Problem(400, "invalid", error.message, error.field)
    if isinstance(error, ValidationError):
        return _of_validation(_messages(error))
    if isinstance(error, PermissionDenied):
        return Problem(403, "forbidden", str(error) or "You may not do that.")
    if isinstance(error, RequestDataTooBig):
        return Problem(413, "too_large", "The request is larger than is accepted.")
    if isinstance(error, SuspiciousOperation):
        return Problem(400, "malformed", "The request cannot be read.")
    if isinstance(error, LimitReached):
        return limits.problem(error)
    if isinstance(error, InferenceError):
        return Problem(502, error.code, error.member_message)
    return None


def _of_rest(error: rest.APIException) -> Problem:
    designed = getattr(error, "problem", None)
    if isinstance(designed, Problem):
        return designed
    if isinstance(error, rest.NotAuthenticated | rest.AuthenticationFailed):
        return UNAUTHENTICATED
    if isinstance(error, rest.ValidationError):
        return _of_validation(_flat(error.detail))
    if isinstance(error, rest.NotFound):
        return NOT_FOUND
    code = CODES.get(type(error), "error")
    wait = getattr(error, "wait", None)
    headers = (("Retry-After", str(int(wait) + 1)),) if wait is not None else ()
    return Problem(error.status_code, code, str(error.detail), headers=headers)


def _of_validation(found: list[dict[str, Any]]) -> Problem:
    """The first finding is the message; all of them are the details when there are several."""
    first = found[0] if found else {"field": None, "message": "The request is not valid."}
    details = found if len(found) > 1 else []
    return Problem(400, "invalid", str(first["message"]), first["field"], details)


def _messages(error: ValidationError) -> list[dict[str, Any]]:
    by_field = error.message_dict if hasattr(error, "error_dict") else {None: error.messages}
    return [
        {"field": name, "message": message}
        for name, messages in by_field.items()
        for message in messages
    ]


def _flat(detail: Any, path: str = "") -> list[dict[str, Any]]:
    """REST framework's nested details as a list of ``{"field": "messages.0.role", "message": ...}``."""
    if isinstance(detail, dict):
        pairs = [
            ("" if name == "non_field_errors" else str(name), item) for name, item in detail.items()
        ]
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        pairs = [(str(place), item) for place, item in enumerate(detail)]
    elif isinstance(detail, list):
        pairs = [("", item) for item in detail]
    else:
        return [{"field": path or None, "message": str(detail)}]
    return [
        found
        for name, item in pairs
        for found in _flat(item, f"{path}.{name}".strip(".") if name else path)
    ]
