"""Why a document is still queued: nobody should have to guess whether its turn has not come, or nothing works."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Min
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from ingestion.models import TERMINAL, Document, IngestionRun, State

PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Waiting:
    """A reason to wait, for people, and what they can do."""

    code: str
    reason: str
    remedy: str = ""


def why_queued(document: Document) -> Waiting | None:
    """Why its turn has not come; None when it is not queued, or its row says why (it is tried again).

    Three queries of the tenant's open runs. Uses index: run_of_document, run_open, run_leased
    """
    if document.state != State.QUEUED or document.reason:
        return None
    return _paused(document) or _in_turn(document)


def _paused(document: Document) -> Waiting | None:
    for place in (document.collection, document.source):
        if place.paused_at:
            reason = gettext("%(name)s is paused: its documents wait.") % {"name": place.name}
            return Waiting("paused", reason, gettext("Resume it, and they go on."))
    return None


def _in_turn(document: Document) -> Waiting | None:
    runs = IngestionRun.objects.exclude(state__in=TERMINAL)
    since = runs.filter(document=document).aggregate(since=Min("not_before"))["since"]
    if since is None:
        return None
    if not runs.filter(lease_until__gt=Now()).exists() and timezone.now() - since > PATIENCE:
        minutes = int((timezone.now() - since) / timedelta(minutes=1))
        reason = ngettext(
            "No worker has taken it for %d minute.",
            "No worker has taken it for %d minutes.",
            minutes,
        )
        remedy = gettext(
            "If this goes on, ask whoever runs this Footnote whether a worker is running."
        )
        return Waiting("no_worker", reason % minutes, remedy)
    ahead = runs.filter(lease_until=None, not_before__lt=since).count()
    if not ahead:
        return Waiting("in_turn", gettext("It is next."))
    reason = ngettext("%d document is before it.", "%d documents are before it.", ahead)
    return Waiting("in_turn", reason % ahead)
