"""What documents carry beside their text: any JSON, with four names that mean something.

``author``    a text, or a list of them
``date``      ISO 8601: ``2024``, ``2024-05``, ``2024-05-31`` or with a time
``tags``      a list of texts, each once
``language``  a short code such as ``en`` or ``pt-BR``

``checked`` is for what people give and refuses what is wrong, ``tidied`` for what a parser found in a file, where a
malformed value is dropped: nobody would be there to correct it.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from ingestion.cleaning import clean_json

MOST_CHARS = 100_000
MOST_KEYS = 200
LONGEST_KEY = 200
MOST_TAGS, LONGEST_TAG = 100, 100
LONGEST_AUTHOR = 500
DEEPEST = 16
_PARTIAL_DATE = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]))?\Z")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:[-_+#.]?[A-Za-z0-9]{1,8})*\Z")


class BadMetadata(ValueError):
    """A value that cannot be kept; the message names the key and what was expected."""


def checked(given: object) -> dict[str, Any]:
    """Metadata as it is stored. Raises BadMetadata."""
    if not isinstance(given, dict):
        raise BadMetadata("The metadata must be a JSON object.")
    _check_shape(given)
    cleaned: dict[str, Any] = clean_json(given)
    if len(str(cleaned)) > MOST_CHARS:
        raise BadMetadata(f"The metadata has more than {MOST_CHARS:,} characters.")
    return {key: typed(key, value) for key, value in cleaned.items()}


def tidied(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a parser found, without values that do not have their name's form."""
    kept = {}
    for key, value in clean_json(dict(found)).items():
        with suppress(BadMetadata):
            kept[key] = typed(key, value)
    return kept


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata with each key of ``changes`` set, or taken away where it is null (RFC 7396, one level deep)."""
    both = {**before, **changes}
    return {key: value for key, value in both.items() if value is not None or key not in changes}


def typed(key: str, value: Any) -> Any:
    """The value in its key's form. Raises BadMetadata."""
    return _TYPES[key](value) if key in _TYPES else value


def _check_shape(given: dict[Any, Any]) -> None:
    if len(given) > MOST_KEYS:
        raise BadMetadata(f"The metadata has {len(given)} keys; at most {MOST_KEYS} are kept.")
    for key in given:
        if not isinstance(key, str) or not key.strip() or len(key) > LONGEST_KEY:
            shown = str(key)[:40]
            raise BadMetadata(f"A key has 1 to {LONGEST_KEY} characters; {shown!r} has not.")
    if _depth(given) > DEEPEST:
        raise BadMetadata(f"The metadata is nested more than {DEEPEST} levels deep.")


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        below: list[object] = []
        for one in level:
            below += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
        level = below
    return depth


def _author(value: Any) -> str | list[str]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(_is_text(name, LONGEST_AUTHOR) for name in names):
        raise BadMetadata(
            f"author must be a text of 1 to {LONGEST_AUTHOR} characters, or a list of them,"
            f" not {_shown(value)}."
        )
    return [name.strip() for name in names] if isinstance(value, list) else value.strip()


def _date(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = value.strip() if isinstance(value, str) else ""
    if _PARTIAL_DATE.match(text) and text[:4] != "0000":
        return text
    for read in (_day, _moment):
        with suppress(ValueError):
            return read(text)
    raise BadMetadata(
        f"date must be a date such as 2024-05-31, a month, a year, or a date with a time, not {_shown(value)}."
    )


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _moment(text: str) -> str:
    return datetime.fromisoformat(text).isoformat()


def _tags(value: Any) -> list[str]:
    tags = [value] if isinstance(value, str) else value
    if (
        not isinstance(tags, list)
        or len(tags) > MOST_TAGS
        or not all(_is_text(tag, LONGEST_TAG) for tag in tags)
    ):
        raise BadMetadata(
            f"tags must be a list of at most {MOST_TAGS} texts of 1 to {LONGEST_TAG} characters,"
            f" not {_shown(value)}."
        )
    return list(dict.fromkeys(tag.strip() for tag in tags))


def _language(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 35 or not _LANGUAGE.match(value.strip()):
        raise BadMetadata(f"language must be a code such as en or pt-BR, not {_shown(value)}.")
    return value.strip()


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= most


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


_TYPES: dict[str, Callable[[Any], Any]] = {
    "author": _author,
    "date": _date,
    "tags": _tags,
    "language": _language,
}
