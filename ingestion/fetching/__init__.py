"""The one way by which Footnote gets bytes from an address that a tenant named.

``fetch(url, limits=...)`` for one request, ``Session`` for many to the same places (connections are kept). Both refuse
what ``tenants.outbound`` refuses, connect to the address that was checked, and check each redirect anew.
"""

from ingestion.fetching.errors import BadStatus, FetchError, FetchFailed, FetchRefused
from ingestion.fetching.response import Fetched
from ingestion.fetching.session import Limits, Session, fetch

__all__ = [
    "BadStatus",
    "FetchError",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "Limits",
    "Session",
    "fetch",
]
