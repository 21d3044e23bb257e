"""Patterns for paths: ``*`` and ``?`` within a folder, ``**`` across folders; without a slash they fit any name."""

import re
from collections.abc import Sequence
from functools import lru_cache

_PARTS = re.compile(r"\*\*/?|\*|\?|[^*?]+")


def wanted(path: str, include: Sequence[str], exclude: Sequence[str] = ()) -> bool:
    """Does the path fit one of ``include`` (none: everything) and none of ``exclude``?"""
    if any(_fits(path, pattern) for pattern in exclude):
        return False
    return not include or any(_fits(path, pattern) for pattern in include)


def _fits(path: str, pattern: str) -> bool:
    subject = path if "/" in pattern else path.rsplit("/", 1)[-1]
    return bool(_compiled(pattern.lstrip("/")).fullmatch(subject))


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_translated(part) for part in _PARTS.findall(pattern)), re.DOTALL)


def _translated(part: str) -> str:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return known.get(part, re.escape(part))
