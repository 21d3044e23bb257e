"""What can go wrong in a search.

RetrievalError
└── SearchRefused       permanent: the request itself must change; names the field
    ├── CursorRefused       one that no search gave, or another search; without it there is a first page
    └── UnknownCollection   absent, of another tenant, or not readable: all three answer alike

A model that cannot embed the question is no error: the search goes on with its lexical side and says so in
``SearchResult.degraded``.
"""

from uuid import UUID


class RetrievalError(Exception):
    """A search could not be answered."""


class SearchRefused(RetrievalError):
    """The request is not one that can be answered; ``field`` says which part of it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


class CursorRefused(SearchRefused):
    """A cursor that does not belong to this search of this principal."""

    def __init__(self, message: str) -> None:
        super().__init__("cursor", message)


class UnknownCollection(SearchRefused):
    """A collection that does not exist for this principal."""

    def __init__(self, collection_id: UUID) -> None:
        super().__init__("collections", f"There is no collection {collection_id}.")
