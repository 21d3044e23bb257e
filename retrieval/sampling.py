"""A sample of what is searched for, for the nightly comparison and for comparing two embedding spaces.

Answers leave traces with their questions; a search by page or API leaves nothing. So every now and then one is kept,
with its words alone, for a week: by chance (``FOOTNOTE_SEARCH_SAMPLE``), and at most ``MOST_A_DAY`` a tenant.

Entry points: ``note``, ``lately``. Cost: a count and a row for one in so many searches, nothing for the others.
"""

import random
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from retrieval.models import SampledSearch
from retrieval.passages import SearchRequest
from traces.models import Trace

MOST_A_DAY = 100
KEPT = timedelta(days=7)
LOOKED_AT = 400


def note(request: SearchRequest) -> None:
    """Keep the words of a person's search in the open scope, now and then. Uses index: sampled_search_newest"""
    every = settings.SEARCH_SAMPLE
    if not every or request.side != "hybrid" or random.randrange(every):  # noqa: S311  # no secret
        return
    today = SampledSearch.objects.filter(created_at__gt=timezone.now() - timedelta(days=1))
    if today.count() < MOST_A_DAY:
        SampledSearch.objects.create(query=request.query)


def lately(most: int) -> list[str]:
    """Different searches and questions of the last days in the open scope, newest first: two queries.

    Uses index: sampled_search_newest, trace_newest
    """
    since = timezone.now() - KEPT
    sampled = SampledSearch.objects.filter(created_at__gt=since).order_by("-created_at")
    asked = Trace.objects.filter(started_at__gt=since).exclude(question="").order_by("-started_at")
    rows = [
        *sampled.values_list("created_at", "query")[:LOOKED_AT],
        *asked.values_list("started_at", "question")[:LOOKED_AT],
    ]
    return list(dict.fromkeys(text for _, text in sorted(rows, reverse=True)))[:most]


def forget() -> None:
    """Take away what is older than a week, in the open scope. Uses index: sampled_search_newest"""
    SampledSearch.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
