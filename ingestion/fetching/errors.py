"""Why an address could not be fetched.

    FetchError
     +-- FetchRefused   we do not ask, or do not take the answer: the same address gives the same
     +-- FetchFailed    no answer, or half of one: a later attempt may succeed
     +-- BadStatus      the server answered, but not with the document; ``retryable`` says whether that may pass

``code`` is for machines; ``message`` and ``remedy`` are sentences for whoever set the source up. ``retry_after`` is in
seconds, where the server said.
"""


class FetchError(Exception):
    """An address was not fetched."""

    retryable = False

    def __init__(
        self, code: str, message: str, remedy: str = "", *, retry_after: float | None = None
    ) -> None:
        super().__init__(code, message, remedy)
        self.code, self.message, self.remedy = code, message, remedy
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class FetchRefused(FetchError):
    """Asking again is pointless until somebody changes something."""


class FetchFailed(FetchError):
    """This moment's fault."""

    retryable = True


class BadStatus(FetchError):
    """An answer with a status that is neither 2xx nor 304."""

    def __init__(
        self, status: int, message: str, remedy: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(f"http_{status}", message, remedy, retry_after=retry_after)
        self.status = status
        self.retryable = status in (408, 425, 429) or status >= 500
