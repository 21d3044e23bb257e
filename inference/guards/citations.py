"""Citation marks in an answer that point at no passage."""

from __future__ import annotations

import re

from inference.guards.findings import Finding

_MARK = re.compile(r"[ \t]*\[(\d{1,3})\](?!\()")


def detect(text: str, passages: int) -> list[Finding]:
    """Marks beyond the number of passages, or zero."""
    return [
        Finding("invented-citation", match.start(), match.end(), says=match[1])
        for match in _MARK.finditer(text)
        if not 1 <= int(match[1]) <= passages
    ]
