"""The SDK's exceptions, and its silences, as errors of our tree.

Entry point: `translated`. Before the first token an error says whether a retry makes sense; after it
everything is StreamBroken. What the clock says comes first: a read that was given up raises all sorts of
things on its way out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import httpx2
import openai

from inference.clock import Clock, Expired
from inference.errors import (
    AddressRefused,
    BadCredentials,
    BadRequest,
    Cancelled,
    ContextTooLong,
    InferenceError,
    ModelNotFound,
    PermanentProviderError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    StreamBroken,
    UnreadableResponse,
)
from tenants.outbound import OutboundRefused

# No JSON is a ValueError, and so is an integer of too many digits; one that is no float is an OverflowError, and what
# is nested too deeply a RecursionError.
UNREADABLE: tuple[type[Exception], ...] = (ValueError, OverflowError, RecursionError)
# What iterating a response can raise besides the SDK's own errors: raw transport errors and unreadable
# data.
UPSTREAM_ERRORS: tuple[type[Exception], ...] = (
    openai.OpenAIError,
    httpx2.HTTPError,
    httpx2.StreamError,
    *UNREADABLE,
    Expired,
    OutboundRefused,
)
LONGEST_DETAIL = 300
_TOO_LONG = re.compile(
    r"context[ _]?(length|window)|maximum context|too many tokens|prompt is too long|reduce the length",
    re.IGNORECASE,
)
_RETRYABLE_STATUS = frozenset({408, 409, 425})


def translated(error: Exception, clock: Clock, *, delivered: bool, key: str) -> InferenceError:
    """Our error for whatever was raised. `delivered`: text has already gone out."""
    if clock.stopped:
        return Cancelled("the call was stopped by its asker")
    detail = described(error, key)
    if clock.remaining <= 0:
        return timed_out(clock, delivered=delivered)
    if isinstance(error, OutboundRefused):
        return AddressRefused(str(error))
    if delivered:
        return StreamBroken(detail, reason=_break_reason(error))
    return _before_first_token(error, detail)


def timed_out(clock: Clock, *, delivered: bool) -> ProviderError:
    """The error for a deadline that passed."""
    stage, limits = clock.stage, clock.timeouts
    if not delivered:
        waited = limits.total if stage == "total" else limits.first_token
        return ProviderTimeout(f"no token within {waited:g} s", stage=stage)
    if stage == "total":
        return StreamBroken(f"not done within {limits.total:g} s", reason="total_timeout")
    return StreamBroken(f"no token for {limits.between_tokens:g} s", reason="stalled")


def described(error: Exception, key: str) -> str:
    """What to tell an admin: the vendor's words, cut, and never the key."""
    text = str(error) or type(error).__name__
    cause = f" ({type(error.__cause__).__name__}: {error.__cause__})" if error.__cause__ else ""
    return concealed(text + cause, key)


def concealed(text: str, key: str) -> str:
    """A provider's own words without the key that it may repeat, then cut: half a key would be one, too."""
    plain = text.replace(key, "***") if key else text
    return plain[:LONGEST_DETAIL]


def _break_reason(error: Exception) -> str:
    if isinstance(error, UNREADABLE):
        return "malformed"
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return "connection_lost"
    return "error_event"


def _before_first_token(error: Exception, detail: str) -> ProviderError:
    if isinstance(error, UNREADABLE):
        return UnreadableResponse(detail)
    match error:
        case openai.APIStatusError():
            return _from_status(error, detail)
        case openai.APITimeoutError():
            stage = (
                "connect" if isinstance(error.__cause__, httpx2.ConnectTimeout) else "first_token"
            )
            return ProviderTimeout(detail, stage=stage)
        case openai.APIConnectionError() | httpx2.HTTPError() | httpx2.StreamError():
            return ProviderUnavailable(detail)
        case openai.APIResponseValidationError():
            return UnreadableResponse(detail)
        case openai.APIError():
            return _from_error_event(error, detail)
    return ProviderUnavailable(detail)


def _from_status(error: openai.APIStatusError, detail: str) -> ProviderError:
    return of_status(error.status_code, error.code, detail, retry_after(error.response.headers))


def of_status(status: int, code: str | None, detail: str, wait: float | None) -> ProviderError:
    """The error that a response's status means; ``wait``: seconds that the provider asks for."""
    if status == 429 and code in ("insufficient_quota", "billing_hard_limit_reached"):
        return QuotaExhausted(detail)
    if status == 429:
        return RateLimited(detail, retry_after=wait)
    if status >= 500 or status in _RETRYABLE_STATUS:
        return ProviderUnavailable(detail, retry_after=wait)
    return _permanent(status, code, detail)


def _permanent(status: int, code: str | None, detail: str) -> PermanentProviderError:
    if status in (401, 403):
        return BadCredentials(detail)
    if status == 402:
        return QuotaExhausted(detail)
    if status == 413 or code == "context_length_exceeded" or _TOO_LONG.search(detail):
        return ContextTooLong(detail)
    if status == 404:
        return ModelNotFound(detail)
    return BadRequest(detail)


def _from_error_event(error: openai.APIError, detail: str) -> ProviderError:
    return of_error_event(error.code, error.type, detail)


def of_error_event(code: str | None, kind: str | None, detail: str) -> ProviderError:
    """An error object as the first event of a stream that began with 200:

    its `code` may be an HTTP status.
    """
    known = f"{code or ''} {kind or ''}"
    if "rate_limit" in known or code == "429":
        return RateLimited(detail)
    if code == "context_length_exceeded" or _TOO_LONG.search(detail):
        return ContextTooLong(detail)
    if "invalid_request" in known:
        return BadRequest(detail)
    return ProviderUnavailable(detail)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait, from `retry-after-ms` or either form of `Retry-After`."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := _number(value)) is not None:
        return seconds
    return _seconds_until(value)


def _number(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None


def _seconds_until(date: Any) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time()) if date else None
    except (TypeError, ValueError):
        return None
