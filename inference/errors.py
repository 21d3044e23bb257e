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
│   │   └── UnreadableResponse       200, but not what the protocol says (an HTML page, broken JSON)
│   └── StreamBroken                 it broke after the first token: what arrived is not an answer
├── Cancelled                        the asker went away, or pressed stop
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


class InferenceError(Exception):
    """Root of the tree; catch it at the edge."""

    code = "inference_error"
    member_message = "The model could not be reached. Please try again."


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


class Cancelled(InferenceError):
    code = "cancelled"
    member_message = "The answer was stopped."


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
