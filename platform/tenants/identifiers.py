"""Identifiers: time-ordered and unguessable, so that keys cluster in the index and nobody can count rows."""

import os
import time
from datetime import datetime
from uuid import UUID


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562, section 5.7): 48 bits of milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value &= ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=value | (0x7 << 76) | (0x2 << 62))


def uuid7_at(moment: datetime) -> UUID:
    """The smallest version 7 UUID of a moment: what was made later is greater."""
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | (0x7 << 76) | (0x2 << 62))


def uuid_or_none(text: str | None) -> UUID | None:
    """An id from an address; nonsense is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
