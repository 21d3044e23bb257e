"""Everything that can go wrong at the door to models.

InferenceError
├── ProviderError                    a provider answered badly, or not at all
│   ├── RetryableProviderError       the same request may succeed later; nothing was delivered yet
│   │   ├── RateLimited              429; carries `retry_after` when the provider said
│   │   ├── ProviderUnavailable      5xx, refused or broken connection, an empty stream
│   │   └── ProviderTimeout          no connection, no first token, or not done in time
│   ├── PermanentProviderError       the same request will fail again
│   │   ├── BadCredentials           401, 403
│   │   ├── QuotaExhausted           429 that means "pay", not "wait"
│   │   ├── ModelNotFound            404
│   │   ├── ContextTooLong           the prompt does not fit the model
│   │   ├── BadRequest               any other 4xx
│   │   ├── AddressRefused           the endpoint is where a tenant's requests must not go
│   │   ├── ModelUnavailable         a model of this machine: its files or its runtime are not there
│   │   └── UnreadableResponse       200, but not what the protocol says (an HTML page, broken JSON)
│   └── StreamBroken                 it broke after the first token: what arrived is not an answer
├── LimitReached                     refused here, before anything was sent; may carry `retry_after`
│   ├── RateExceeded                 a rate limit: requests, tokens or calls at once
│   ├── BudgetBusy                   calls in progress hold what is left of a budget
│   └── BudgetExhausted              what is left of a budget does not pay for the call
├── Cancelled                        the asker went away, or pressed stop
│   └── HedgeLost                    another model that was asked as well was faster
├── Guarded                          a guard of the tenant stopped it
│   ├── InputRefused                 before anything was sent; carries the findings
│   └── AnswerWithheld               while the answer was written: what was shown is no answer
├── InvalidAnswer                    twice not the JSON that was asked for
├── UnknownModel                     no enabled model of that name for this tenant
├── EmbeddingError
│   ├── EmbeddingInputError          a text that cannot be embedded
│   ├── InvalidVectors               NaN, zero or wrongly shaped vectors
│   └── EmbeddingModelUnavailable    the model's files or its runtime are not there
└── EncryptionError                  a stored provider key cannot be read with the configured keys

`member_message` is fit for whoever asked: no address, no key, no vendor's prose. `str(error)` is for admins
and logs. `code` is stable and stands in the ledger.
"""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any


class InferenceError(Exception):
    """Root of the tree; catch it at the edge."""

    code = "inference_error"
    member_message = "The model could not be reached. Please try again."
    billed_tokens = 0
    """Of the parts that had succeeded before: the provider bills them."""


class ProviderError(InferenceError):
    """A provider answered badly, or not at all."""

    code = "provider_error"


class RetryableProviderError(ProviderError):
    """Worth another attempt. `retry_after` is in seconds, when the provider named it."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(RetryableProviderError):
    code = "rate_limited"
    member_message = "The model is busy: too many requests. Please try again in a moment."


class ProviderUnavailable(RetryableProviderError):
    code = "provider_unavailable"
    member_message = "The model is not available right now. Please try again in a moment."


class ProviderTimeout(RetryableProviderError):
    """`stage` is one of connect, first_token, total."""

    code = "provider_timeout"
    member_message = "The model took too long to answer. Please try again."

    def __init__(self, message: str, *, stage: str) -> None:
        super().__init__(message)
        self.stage = stage


class PermanentProviderError(ProviderError):
    """Retrying is pointless; somebody has to change something."""

    code = "provider_refused"
    member_message = "The model refused the request. An administrator can see why in the trace."


class BadCredentials(PermanentProviderError):
    code = "bad_credentials"
    member_message = "The model is not set up correctly. Please tell an administrator."


class QuotaExhausted(PermanentProviderError):
    code = "quota_exhausted"
    member_message = "The model's quota is used up. Please tell an administrator."


class ModelNotFound(PermanentProviderError):
    code = "model_not_found"
    member_message = "The configured model does not exist. Please tell an administrator."


class ContextTooLong(PermanentProviderError):
    code = "context_too_long"
    member_message = (
        "The conversation is too long for the model. Start a new one or ask a shorter question."
    )


class BadRequest(PermanentProviderError):
    code = "bad_request"


class AddressRefused(PermanentProviderError):
    code = "address_refused"
    member_message = "The model is not set up correctly. Please tell an administrator."


class ModelUnavailable(PermanentProviderError):
    code = "model_unavailable"
    member_message = "The model is not set up correctly. Please tell an administrator."


class UnreadableResponse(PermanentProviderError):
    code = "unreadable_response"
    member_message = "The model's answer could not be read. Please tell an administrator."


class StreamBroken(ProviderError):
    """`reason`: ended_early, connection_lost, stalled, malformed, error_event, total_timeout or too_long."""

    code = "stream_broken"
    member_message = "The answer broke off before it was complete. Please try again."

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class LimitReached(InferenceError):
    """Refused by a limit of the tenant's own. `retry_after` is in seconds; None: waiting does not help soon."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, rates: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.rates = rates


class RateExceeded(LimitReached):
    code = "rate_limit_exceeded"
    member_message = "Too much was asked in a short time. Please try again in a moment."


class BudgetBusy(LimitReached):
    code = "budget_reserved"
    member_message = (
        "Other answers in progress hold the rest of the budget. Please try again in a moment."
    )


class BudgetExhausted(LimitReached):
    """`at_limit` is the budget's choice of what happens instead: refuse, smaller, extractive."""

    code = "budget_exhausted"
    member_message = "The budget for answers is used up. An administrator can raise it."

    def __init__(self, message: str, *, budget: str, at_limit: str) -> None:
        super().__init__(message)
        self.budget = budget
        self.at_limit = at_limit


# The ledger has rows of these, but no model was asked: they say nothing of how it does.
NOT_ASKED = (RateExceeded.code, BudgetBusy.code, BudgetExhausted.code)


class Cancelled(InferenceError):
    code = "cancelled"
    member_message = "The answer was stopped."


class HedgeLost(Cancelled):
    code = "hedge_lost"


class InvalidAnswer(InferenceError):
    """`str(error)` says where the second answer departs from the schema."""

    code = "invalid_answer"
    member_message = (
        "The model's answer did not have the form that was asked for. Please try again."
    )


class UnknownModel(InferenceError):
    code = "unknown_model"
    member_message = "There is no such model. Choose one of the listed models."


class EmbeddingError(InferenceError):
    code = "embedding_error"
    member_message = "The text could not be prepared for search."


class EmbeddingInputError(EmbeddingError):
    code = "embedding_input"


class InvalidVectors(EmbeddingError):
    code = "invalid_vectors"


class EmbeddingModelUnavailable(EmbeddingError):
    code = "embedding_model_unavailable"
    member_message = "The search model is not set up correctly. Please tell an administrator."


class EncryptionError(InferenceError):
    code = "encryption_error"
    member_message = "The model is not set up correctly. Please tell an administrator."


class Guarded(InferenceError):
    """`member_message` says what to do about it; the finding is in the ledger and in the trace."""

    code = "guarded"

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.member_message = told


class InputRefused(Guarded):
    code = "input_refused"

    def __init__(self, told: str, raised: tuple[Any, ...] = ()) -> None:
        super().__init__(told)
        self.raised = raised


class AnswerWithheld(Guarded):
    code = "answer_withheld"


def as_inference_error(error: BaseException) -> InferenceError:
    """The error as the ledger knows it:

    a closed generator or a cancelled task is a stopped call, a bug of ours an internal error.
    """
    if isinstance(error, InferenceError):
        return error
    if isinstance(error, GeneratorExit | CancelledError):
        return Cancelled("the asker went away")
    return InferenceError(f"internal error: {type(error).__name__}")
