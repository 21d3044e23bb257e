"""Searches that a person keeps under a name, and whether they have found anything new since.

All but ``news`` runs in the open scope; each finds only the person's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from ingestion import generations
from ingestion.cleaning import clean_line
from ingestion.models import DocumentVersion
from retrieval.errors import SearchRefused
from retrieval.filters import read_asked, read_term
from retrieval.models import SavedSearch
from retrieval.passages import SearchRequest
from retrieval.questions import MAX_CHARACTERS
from retrieval.search import search
from tenants.models import User
from tenants.scope import Principal, tenant_scope

MOST = 100
LONGEST_NAME = 100
# How many are looked at for something new, and how far down each: what a page of results shows.
LOOKED_AT, NEW_AMONG = 20, 10
# For so long a deleted one can be brought back.
REGRET = timedelta(days=1)


@dataclass(frozen=True)
class News:
    """How many documents among the first results of a saved search came or changed since it was last looked at."""

    saved_id: UUID
    documents: int


def of(user: User) -> QuerySet[SavedSearch]:
    """A person's searches, by name."""
    return SavedSearch.objects.filter(user=user, deleted_at=None)


def save(
    *,
    user: User,
    name: str,
    query: str,
    terms: Sequence[str],
    as_of: date | None = None,
    rerank: bool = False,
) -> SavedSearch:
    """Keep a search; one of the same name is replaced. Raises ``SearchRefused`` naming what is wrong."""
    name, query = _name(name or query), clean_line(query, MAX_CHARACTERS)
    if not query and not terms:
        raise SearchRefused("query", "There is nothing to save yet: search for something first.")
    for term in terms:
        read_term(term)
    found = SavedSearch.objects.filter(user=user, name=name).first()
    if (found is None or found.deleted_at) and of(user).count() >= MOST:
        raise SearchRefused("name", f"You have {MOST} saved searches; delete one to save another.")
    row = found or SavedSearch(user=user, name=name)
    row.query, row.terms, row.deleted_at = query, list(terms), None
    row.as_of, row.rerank = as_of, rerank
    row.seen_at, row.seen_state = timezone.now(), generations.current(None)
    row.save()
    return row


def rename(saved_id: UUID, *, user: User, name: str) -> SavedSearch | None:
    """Another name; None when there is no such search. Raises ``SearchRefused`` for a name that is taken or blank."""
    row = of(user).filter(pk=saved_id).first()
    if row is not None:
        row.name = _name(name)
        SavedSearch.objects.filter(user=user, name=row.name, deleted_at__isnull=False).delete()
        try:
            with transaction.atomic():
                row.save(update_fields=["name"])
        except IntegrityError:
            raise SearchRefused(
                "name", f"Another of your searches is called “{row.name}”."
            ) from None
    return row


def delete(saved_id: UUID, *, user: User) -> bool:
    """Whether there was such a search. It can be brought back for a day."""
    SavedSearch.objects.filter(user=user, deleted_at__lt=timezone.now() - REGRET).delete()
    return bool(of(user).filter(pk=saved_id).update(deleted_at=timezone.now()))


def deleted(saved_id: UUID, *, user: User) -> SavedSearch | None:
    """One that was deleted and can still be brought back."""
    return SavedSearch.objects.filter(user=user, pk=saved_id, deleted_at__isnull=False).first()


def restore(saved_id: UUID, *, user: User) -> SavedSearch | None:
    """Undo ``delete``; None when there is nothing to undo. Raises ``SearchRefused`` when there are too many by now."""
    row = deleted(saved_id, user=user)
    if row is not None:
        if of(user).count() >= MOST:
            raise SearchRefused(
                "name", f"You have {MOST} saved searches; delete one to bring this one back."
            )
        row.deleted_at = None
        row.save(update_fields=["deleted_at"])
    return row


def seen(*, user: User, query: str, terms: Sequence[str]) -> None:
    """Note that a search is being looked at, where it is one that was saved. Two queries, three where it is."""
    rows = of(user).filter(query=query, terms=list(terms))
    if rows.exists():
        rows.update(seen_at=timezone.now(), seen_state=generations.current(None))


def news(*, user: User, principal: Principal) -> list[News]:
    """Which of the first ``LOOKED_AT`` searches found something new. Opens its own scopes.

    One of a past day is left out: nothing new comes there.
    Cost: two queries where no document changed since all were looked at; else a search more for each.
    """
    with tenant_scope(principal.as_reader()):
        state = generations.current(None)
        looked_at = of(user).filter(as_of=None)[:LOOKED_AT]
        rows = [row for row in looked_at if row.seen_at and row.seen_state != state]
    found = [News(row.pk, _new_documents(row, principal)) for row in rows]
    return [one for one in found if one.documents]


def _new_documents(row: SavedSearch, principal: Principal) -> int:
    try:
        text, wanted = read_asked(row.query, row.terms)
        request = SearchRequest(text, limit=NEW_AMONG, filter=wanted)
        passages = search(request, principal=principal).passages
    except SearchRefused:
        # A filter that is no longer understood: whoever opens the search is told.
        return 0
    with tenant_scope(principal.as_reader()):
        versions = DocumentVersion.objects.filter(
            pk__in={one.version_id for one in passages}, valid_from__gt=row.seen_at
        )
        return int(versions.aggregate(count=Count("document_id", distinct=True))["count"])


def _name(text: str) -> str:
    name = clean_line(text, LONGEST_NAME)
    if not name:
        raise SearchRefused("name", "Give the search a name.")
    return name
