"""A source's credentials at rest: encrypted as one JSON object, read by the worker alone, never shown."""

import json
from collections.abc import Mapping

from inference import encryption
from inference.errors import EncryptionError
from ingestion.models import Source
from ingestion.syncing.kind import SyncError


def seal(secrets: Mapping[str, str]) -> bytes:
    """The credentials as bytes for the row; none stay empty."""
    return encryption.encrypt(json.dumps(dict(secrets))) if secrets else b""


def read(source: Source) -> dict[str, str]:
    """The credentials back. Raises SyncError when the key that made them is not configured any more."""
    try:
        opened = encryption.decrypt(source.encrypted_credentials)
    except EncryptionError as error:
        raise SyncError(
            "credentials_unreadable",
            "The stored credentials cannot be read.",
            "Enter them again; FOOTNOTE_ENCRYPTION_KEYS has changed.",
        ) from error
    found: dict[str, str] = json.loads(opened) if opened else {}
    return found
