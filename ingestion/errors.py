"""What can go wrong between an upload and a searchable document.

    UploadRefused        nothing was stored; says which field is wrong and what to do
    NotRetryable         a retry was asked for what has not failed
    NotCancellable       nothing is being worked on
    NotRestorable        it is not deleted, or it is the current version
    IngestionError       a run did not get through
     +-- PermanentError  the same bytes fail again: the document ends failed, with reason and remedy
     +-- RetryableError  this moment's fault: the run goes back to the queue with a delay
    LeaseLost            another worker has taken the run over; this one must write nothing more
    SpaceChanged         another embedding space serves now; the vectors must be made anew
    SpaceRefused         an embedding space cannot be added, switched to or dropped

A parser's own errors (`ingestion.parsing.errors`) become these two at the parse stage.
"""

from collections.abc import Sequence

from ingestion.parsing.enclosures import Enclosed


class UploadRefused(ValueError):
    """An upload that is not accepted. `code` is for machines, `field` names what was wrong."""

    def __init__(
        self, code: str, field: str, message: str, remedy: str = "", *, filename: str = ""
    ) -> None:
        super().__init__(message)
        self.code, self.field, self.message, self.remedy = code, field, message, remedy
        self.filename = filename

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class NotRetryable(ValueError):
    """The document has not failed, so there is nothing to retry."""


class NotCancellable(ValueError):
    """The document has no open run."""


class NotRestorable(ValueError):
    """There is nothing to bring back."""


class IngestionError(Exception):
    """A run did not get through."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.remedy = code, message, remedy


class PermanentError(IngestionError):
    """The file is the reason; trying again gives the same. Files found inside it are read all the same."""

    def __init__(
        self, code: str, message: str, remedy: str = "", *, enclosed: Sequence[Enclosed] = ()
    ) -> None:
        super().__init__(code, message, remedy)
        self.enclosed = enclosed


class RetryableError(IngestionError):
    """The moment is the reason; trying again later may help."""


class LeaseLost(Exception):
    """The run's lease was given to another worker."""


class SpaceChanged(Exception):
    """The vectors were made for a space that no longer serves."""


class SpaceRefused(ValueError):
    """What was asked of an embedding space cannot be done; the message says why."""
