"""Completions while somebody types into a search box. Entry point: ``suggest``.

What comes back is of documents that the asker may read at this moment; ``footnote_suggest`` sees to that. Words
complete the last word of what was typed, with all that stands before it; titles from any of their words on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import regex
from django.db import connection

from ingestion.lexical import typed
from retrieval.errors import SearchRefused
from retrieval.filters import ends_in_value, read_query
from tenants.scope import Principal, tenant_scope

MOST = 20
LONGEST = 200
# A shorter beginning has too many completions to be of use.
LEAST_OF_A_WORD = 2
# Behind one of these stands a value, also where the field is none.
_OPERATORS = (":", "=", "<", ">")
_LAST_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_\-./@'’]*\Z")


@dataclass(frozen=True)
class Title:
    """A document whose title fits."""

    document_id: UUID
    external_id: str
    title: str


@dataclass(frozen=True)
class Suggestions:
    """``completions``: what was typed with its last word completed, likeliest first; and documents by their titles."""

    completions: tuple[str, ...] = ()
    titles: tuple[Title, ...] = ()


def suggest(
    text: str,
    *,
    principal: Principal,
    collection_ids: Sequence[UUID] | None = None,
    most: int = 8,
) -> Suggestions:
    """At most ``most`` of each kind; none for what is longer than ``LONGEST`` characters, or ends with a filter.

    Opens its own scope, as the principal's reader. Cost: one query.
    """
    text = text.replace("\0", "")
    if len(text) > LONGEST:
        return Suggestions()
    before, word = _divided(text)
    word_key, title_key = typed(word), _title_key(text)
    if not (word_key or title_key):
        return Suggestions()
    wanted = None if collection_ids is None else list(collection_ids)
    with tenant_scope(principal.as_reader()), connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, shown, document_id, external_id FROM footnote_suggest(%s, %s, %s::uuid[], %s)",
            [word_key or None, title_key or None, wanted, most],
        )
        rows = cursor.fetchall()
    completions = [before + row[1] for row in rows if row[0] == "word"]
    return Suggestions(
        tuple(one for one in completions if typed(one) != typed(text)),
        tuple(Title(row[2], row[3], row[1]) for row in rows if row[0] == "title"),
    )


def _divided(text: str) -> tuple[str, str]:
    """What stands before the last word, and that word where it may be completed, else nothing."""
    found = _LAST_WORD.search(text)
    if found is None or len(found[0]) < LEAST_OF_A_WORD:
        return text, ""
    before = text[: found.start()]
    is_value = before.endswith(_OPERATORS) or ends_in_value(before)
    return (text, "") if is_value else (before, found[0])


def _title_key(text: str) -> str:
    """What was typed beside filters, for titles; nothing while that cannot be read yet."""
    try:
        words = read_query(text).text
    except SearchRefused:
        return ""
    return typed(words)
