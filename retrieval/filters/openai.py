"""The filters of OpenAI's vector stores and file search, as one of ours.

A comparison is ``{"type": "eq", "key": "region", "value": "us"}`` with eq, ne, gt, gte, lt, lte, in or nin; a compound
one ``{"type": "and" | "or", "filters": [...]}``. A key is an attribute of the file, so it is looked up in the metadata.
https://platform.openai.com/docs/guides/retrieval (attribute filtering)
"""

from retrieval.filters.fields import METADATA
from retrieval.filters.grammar import Filter, parse
from retrieval.filters.values import FilterRefused, shown

COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")


def from_openai(raw: object) -> Filter | None:
    """The filter; None for an absent one. Raises ``FilterRefused``."""
    return None if raw is None else parse(_own(raw, "", 0))


def _own(raw: object, place: str, depth: int) -> dict[str, object]:
    if not isinstance(raw, dict) or depth > 20:
        raise FilterRefused(place, f"expected a comparison or a compound filter, not {shown(raw)}.")
    kind = raw.get("type")
    if kind in ("and", "or"):
        parts = raw.get("filters")
        if not isinstance(parts, list):
            raise FilterRefused(f"{place}.filters".lstrip("."), "expected a list of filters.")
        return {
            str(kind): [
                _own(part, f"{place}.filters[{number}]".lstrip("."), depth + 1)
                for number, part in enumerate(parts)
            ]
        }
    if kind not in COMPARISONS:
        known = ", ".join(("and", "or", *COMPARISONS))
        raise FilterRefused(
            f"{place}.type".lstrip("."), f"expected one of {known}, not {shown(kind)}."
        )
    if not isinstance(raw.get("key"), str) or "value" not in raw:
        raise FilterRefused(place, "a comparison has a key (a string) and a value.")
    return {METADATA + str(raw["key"]): {str(kind): raw["value"]}}
