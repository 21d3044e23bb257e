"""A sample of what is searched for, for the nightly comparison and for comparing two embedding spaces.

Answers leave traces with their questions; a search by page or API leaves nothing. So every now and then one is kept,
with its words alone, for a week: by chance (``FOOTNOTE_SEARCH_SAMPLE``), and at most ``MOST_A_DAY`` a tenant.

Entry points: ``is_drawn``, ``note``, ``lately``. Cost: a count and a row for one in so many searches, nothing for the
others.
"""

import random
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from retrieval.models import SampledSearch
from tenants.scope import current_principal
from traces.models import Span, Trace

MOST_A_DAY = 100
KEPT = timedelta(days=7)
LOOKED_AT = 400


def is_drawn() -> bool:
    """Whether this search is one to be kept, by chance."""
    every = settings.SEARCH_SAMPLE
    return bool(every) and not random.randrange(every)  # noqa: S311  # no secret


def note(query: str) -> None:
    """Keep the words of a search that was drawn, in the open scope; none of the platform's own.

    Uses index: sampled_search_newest
    """
    if current_principal().role == "platform":
        return
    today = SampledSearch.objects.filter(created_at__gt=timezone.now() - timedelta(days=1))
    if today.count() < MOST_A_DAY:
        SampledSearch.objects.create(query=query)


def lately(most: int) -> list[str]:
    """Different searches of the last days in the open scope, newest first. Of an answer what was searched for it, not
    the question, which may follow on from another. Three queries, one of which reads the week's spans.

    Uses index: sampled_search_newest, trace_newest
    """
    since = timezone.now() - KEPT
    sampled = SampledSearch.objects.filter(created_at__gt=since).order_by("-created_at")
    asked = Trace.objects.filter(started_at__gt=since).exclude(question="").order_by("-started_at")
    traces = list(asked.values_list("started_at", "trace_id", "question")[:LOOKED_AT])
    spans = Span.objects.filter(
        kind="retrieval", started_at__gt=since, trace_id__in=[key for _, key, _ in traces]
    )
    searched = dict(spans.values_list("trace_id", "attributes__footnote.query.searched"))
    rows = [
        *sampled.values_list("created_at", "query")[:LOOKED_AT],
        *((at, searched.get(key) or question) for at, key, question in traces),
    ]
    return list(dict.fromkeys(text for _, text in sorted(rows, reverse=True)))[:most]


def forget() -> None:
    """Take away what is older than a week, in the open scope. Uses index: sampled_search_newest"""
    SampledSearch.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
