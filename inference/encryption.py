"""Provider keys at rest:

encrypted with the first of the configured keys, readable with any of them (rotation).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from inference.errors import EncryptionError


def encrypt(secret: str) -> bytes:
    """The secret as bytes fit for a row; empty stays empty."""
    return _cipher().encrypt(secret.encode()) if secret else b""


def decrypt(stored: bytes | memoryview) -> str:
    """The secret back. Raises EncryptionError when none of the configured keys made it."""
    if not (token := bytes(stored)):
        return ""
    try:
        return _cipher().decrypt(token).decode()
    except InvalidToken as error:
        raise EncryptionError(
            "a provider key was encrypted with a key that FOOTNOTE_ENCRYPTION_KEYS no longer lists"
        ) from error


def rotate(stored: bytes | memoryview) -> bytes:
    """The same secret under the first key. Raises EncryptionError."""
    return encrypt(decrypt(stored))


def _cipher() -> MultiFernet:
    return _cipher_of(tuple(_passphrases()))


@lru_cache(maxsize=8)
def _cipher_of(passphrases: tuple[str, ...]) -> MultiFernet:
    """Kept, since each call to a model decrypts a key; settings hold the passphrases anyway."""
    return MultiFernet([Fernet(_derived(key)) for key in passphrases])


def _passphrases() -> Sequence[str]:
    """Without keys of its own a development installation encrypts with Django's;

    settings refuse that in production.
    """
    return settings.ENCRYPTION_KEYS or [settings.SECRET_KEY]


def _derived(passphrase: str) -> bytes:
    """A Fernet key of any passphrase. Keys are long random words, so that one hash is enough."""
    digest = hashlib.sha256(b"footnote provider key\x00" + passphrase.encode()).digest()
    return base64.urlsafe_b64encode(digest)
