"""Fences around what is data in a prompt: tags that the data itself cannot close. Entry point: `defused`."""

from __future__ import annotations

import re

_FENCE = re.compile(r"</?\s*(passages?|question|sentence|document)\b", re.IGNORECASE)


def defused(text: str) -> str:
    """No text closes a fence that we opened."""
    return _FENCE.sub(lambda match: match[0].replace("<", "‹"), text)
