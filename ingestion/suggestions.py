"""What a search box may complete: the words of passages, and titles from each of their words on.

``learn_due()`` is the entry point, for the scheduler. A trigger notes every document whose title, version, readers or
collection changed; here their words are counted and kept with a few passages that hold them (``Suggestion``). The
search function believes no row without such a witness, so that what was deleted, replaced or closed to somebody since
is not suggested to them, however late this task is. It is late while documents are being ingested, which comes first.

Killed at any line, it has done nothing; of two at once in a tenant the second does nothing.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ingestion import statements
from ingestion.lexical import typed, word_starts, written_words
from ingestion.models import Suggestion
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)
log = logging.getLogger(__name__)
# Documents of one transaction, and passages that are read at once.
DOCUMENTS, PASSAGES = 50, 500
SHORTEST, LONGEST = 3, 64
# Different words of one document: what has more is data rather than text.
MOST_WORDS = 5_000
# A title can be completed from so many of its words on.
MOST_STARTS = 24
LONGEST_KEY, LONGEST_TITLE = 100, 200
WITNESSES = 4
# While documents are being ingested, what changed waits for so long.
PATIENCE_SECONDS = 300

Audience = tuple[UUID, ...]


@dataclass(frozen=True)
class Changed:
    """A document as it is now."""

    id: UUID
    version_id: UUID
    collection_id: UUID
    language: str
    title: str
    groups: Audience


@dataclass
class Word:
    """A word in one collection, for one audience: how it is written, in how many passages, and some of these."""

    spellings: Counter[str] = field(default_factory=Counter)
    passages: int = 0
    witnesses: list[UUID] = field(default_factory=list)


Words = dict[tuple[UUID, Audience, str], Word]


def learn_due(*, seconds: float = 10.0) -> int:
    """Follow what changed, some documents at a time, until the time is over; how many documents.

    Looks across tenants on the operator's connection. Cost: about 0.7 ms a passage.
    """
    until, learned = monotonic() + seconds, 0
    for tenant_id in _due_tenants():
        while monotonic() < until and (count := _attempt(tenant_id)):
            learned += count
    return learned


def _attempt(tenant_id: UUID) -> int:
    try:
        return learn(tenant_id)
    except Exception:  # whatever is wrong in one tenant must not keep the others waiting
        log.exception("The suggestions of tenant %s could not follow", tenant_id)
        return 0


def learn(tenant_id: UUID) -> int:
    """Follow up to ``DOCUMENTS`` changed documents of a tenant; how many it were."""
    with tenant_scope(platform_principal(tenant_id)):
        if not SQL.fetch("lock")[0][0]:
            return 0
        changed = [row[0] for row in SQL.fetch("take", most=DOCUMENTS)]
        documents = [_changed(row) for row in SQL.fetch("documents", ids=changed) if row[6]]
        SQL.run("forget", ids=[_id(one, n) for one in changed for n in range(MOST_STARTS)])
        rows = [*_titles(documents), *_word_rows(_words(documents))]
        SQL.run("keep", rows=Jsonb(rows), witnesses=WITNESSES)
        return len(changed)


def _changed(row: tuple[Any, ...]) -> Changed:
    document, version, collection, language, title, groups, _is_shared = row
    return Changed(document, version, collection, language, title, tuple(groups))


def forget(
    document_ids: Sequence[UUID], collection_ids: Iterable[UUID], chunk_ids: Sequence[UUID]
) -> None:
    """Remove the titles of erased documents, and the words of which nothing else is known to hold, at once.

    For the transaction that erases them, after their rows are gone. Cost: three statements, one a scan of the
    collections' words (some 20 ms for 50,000).
    """
    SQL.run("forget", ids=[_id(one, n) for one in document_ids for n in range(MOST_STARTS)])
    SQL.run("forget_words", collections=list(collection_ids), chunks=list(chunk_ids))
    SQL.run("settle", documents=list(document_ids))


def sweep_all() -> None:
    """Remove what no witness bears out any more, tenant by tenant. Cost: a key look-up for each row."""
    for (tenant_id,) in SQL.fetch_across("tenants"):
        with tenant_scope(platform_principal(tenant_id)):
            SQL.run("sweep")


def _titles(documents: Iterable[Changed]) -> Iterator[dict[str, Any]]:
    for document in documents:
        title = " ".join(document.title.split())
        starts = [at for at in dict.fromkeys(word_starts(title)) if at < LONGEST_TITLE]
        for number, start in enumerate(starts[:MOST_STARTS]):
            yield _row(
                _id(document.id, number),
                Suggestion.Kind.TITLE,
                (document.collection_id, document.groups, typed(title[start:])),
                title,
                number,
                [document.id],
            )


def _words(documents: Iterable[Changed]) -> Words:
    found: Words = defaultdict(Word)
    for document in documents:
        for key, word in _most_frequent(_words_of(document)):
            whole = found[document.collection_id, document.groups, key]
            whole.spellings += word.spellings
            whole.passages += word.passages
            whole.witnesses += word.witnesses
    return found


def _words_of(document: Changed) -> dict[str, Word]:
    found: dict[str, Word] = defaultdict(Word)
    after = -1
    while True:
        rows = SQL.fetch("passages", version=document.version_id, after=after, most=PASSAGES)
        for chunk_id, ordinal, text in rows:
            after = ordinal
            spelt: dict[str, Counter[str]] = defaultdict(Counter)
            for word in written_words(text, document.language):
                if SHORTEST <= len(word) <= LONGEST:
                    spelt[typed(word)][word] += 1
            for key, spellings in spelt.items():
                whole = found[key]
                whole.spellings += spellings
                whole.passages += 1
                whole.witnesses = whole.witnesses or [chunk_id]
        if len(rows) < PASSAGES:
            return found


def _most_frequent(words: dict[str, Word]) -> list[tuple[str, Word]]:
    return sorted(words.items(), key=lambda each: (-each[1].passages, each[0]))[:MOST_WORDS]


def _word_rows(words: Words) -> Iterator[dict[str, Any]]:
    for (collection_id, groups, key), word in sorted(words.items()):
        shown = min(word.spellings, key=lambda one: (-word.spellings[one], one))
        yield _row(
            _id(collection_id, *groups, key),
            Suggestion.Kind.WORD,
            (collection_id, groups, key),
            shown,
            word.passages,
            word.witnesses[-WITNESSES:],
        )


def _row(
    row_id: UUID,
    kind: str,
    place: tuple[UUID, Audience, str],
    shown: str,
    weight: int,
    witnesses: Sequence[UUID],
) -> dict[str, Any]:
    collection_id, groups, key = place
    return {
        "id": str(row_id),
        "kind": kind,
        "collection": str(collection_id),
        "groups": [str(one) for one in groups],
        "key": key[:LONGEST_KEY],
        "shown": shown[:LONGEST_TITLE],
        "weight": weight,
        "witnesses": [str(one) for one in witnesses],
    }


def _id(*parts: object) -> UUID:
    """A row's id: of a title its document and place, of a word its collection, audience and key."""
    text = "\n".join(str(part) for part in parts)
    return UUID(bytes=blake2b(text.encode(), digest_size=16).digest())


def _due_tenants() -> list[UUID]:
    return [row[0] for row in SQL.fetch_across("due", patience=PATIENCE_SECONDS)]
