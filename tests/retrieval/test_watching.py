"""Watching search: recall on questions that were asked, slow searches with plans, statistics that have drifted."""

import re
from collections import Counter
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingestion.models import Collection, LexicalEntry, TermCount
from retrieval import audits, sampling, slow
from retrieval.models import RecallAudit, SampledSearch, SlowQuery
from retrieval.passages import SearchRequest
from retrieval.search import search
from tenants.scope import Principal
from tests.cast import PASSWORD
from tests.retrieval.corpus import Corpus
from traces.models import Span, Trace

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def watched(acme_corpus: Corpus) -> Corpus:
    manual = acme_corpus.collection("manual")
    for number in range(30):
        acme_corpus.add(manual, f"Turbine blades, number {number}, of steel.")
    return acme_corpus


def ask(corpus: Corpus, question: str, days_ago: float = 0) -> None:
    with corpus.scope():
        Trace.objects.create(
            trace_id=uuid4().hex, name="answer", feature="chat", outcome="ok", question=question,
            started_at=timezone.now() - timedelta(days=days_ago), duration_ms=1,
        )  # fmt: skip


def reader(corpus: Corpus) -> Principal:
    return Principal(corpus.tenant.pk)


def test_what_was_asked_is_compared_with_an_exact_search(watched: Corpus) -> None:
    for question in ("turbine blades", "steel number 7", "turbine blades"):
        ask(watched, question)
    ask(watched, "of last month", days_ago=30)
    (row,) = audits.audit(watched.tenant.pk)
    assert (row.side, row.queries, row.recall, row.worst) == ("lexical", 2, 1.0, 1.0)
    assert row.ms > 0
    assert row.exact_ms > 0


def test_what_the_fast_way_misses_lowers_the_recall(watched: Corpus) -> None:
    """Five better rows that are not valid yet: the scan as of now leaves them out, and finds five others."""
    ask(watched, "turbine blades steel")
    with watched.scope():
        manual = Collection.objects.get()
    for _ in range(5):
        watched.add(manual, "Turbine blades steel.", valid_from=timezone.now() + timedelta(days=1))
    (row,) = audits.audit(watched.tenant.pk)
    assert row.recall == row.worst == 0.5


def test_a_search_that_leaves_no_trace_is_kept_by_chance_and_compared(
    watched: Corpus, settings
) -> None:
    settings.SEARCH_SAMPLE = 1
    for query in ("turbine blades", "steel", "turbine blades"):
        search(SearchRequest(query), principal=reader(watched))
    settings.SEARCH_SAMPLE = 0
    search(SearchRequest("number"), principal=reader(watched))
    with watched.scope():
        assert sampling.lately(9) == ["turbine blades", "steel"]
    settings.SEARCH_SAMPLE = 1
    (row,) = audits.audit(watched.tenant.pk)
    assert row.queries == 2
    with watched.scope():
        assert SampledSearch.objects.count() == 3  # the comparison's own searches are nobody's


def test_of_a_follow_up_what_was_searched_is_compared(watched: Corpus) -> None:
    ask(watched, "And of steel?")
    ask(watched, "turbine", days_ago=1)
    with watched.scope():
        trace = Trace.objects.order_by("-started_at")[0]
        Span.objects.create(
            trace_id=trace.trace_id, span_id="1", name="retrieve", kind="retrieval", outcome="ok",
            started_at=trace.started_at, duration_ms=1,
            attributes={"footnote.query": trace.question, "footnote.query.searched": "turbine blades of steel"},
        )  # fmt: skip
        assert sampling.lately(9) == ["turbine blades of steel", "turbine"]


def test_sampled_searches_are_bounded_and_forgotten(watched: Corpus, settings) -> None:
    settings.SEARCH_SAMPLE = 1
    with watched.scope():
        for _ in range(sampling.MOST_A_DAY):
            SampledSearch.objects.create(query="x")
    search(SearchRequest("steel"), principal=reader(watched))
    with watched.scope():
        assert sampling.lately(9) == ["x"]
        SampledSearch.objects.update(created_at=timezone.now() - timedelta(days=8))
        assert sampling.lately(9) == []
    audits.audit(watched.tenant.pk)
    with watched.scope():
        assert not SampledSearch.objects.exists()


def test_where_nothing_was_asked_nothing_is_kept(watched: Corpus) -> None:
    assert audits.audit(watched.tenant.pk) == []


def test_a_slow_search_is_kept_with_its_plan(watched: Corpus, settings) -> None:
    settings.SLOW_SEARCH_MS = 0.001
    search(SearchRequest("turbine " * 50, side="lexical"), principal=reader(watched))
    with watched.scope():
        row = SlowQuery.objects.get()
    assert "footnote_search" in row.plan
    assert "Execution Time" in row.plan
    assert "30 passages in 1 collections" in row.plan
    assert "vectors: not asked, 0 candidates" in row.plan
    assert re.search(r"words: scan, 30 candidates, \d+\.\d\d ms", row.plan)
    assert (row.details["side"], row.details["is_embedded"]) == ("lexical", False)


def test_fast_searches_and_those_beyond_the_bound_are_not_kept(watched: Corpus, settings) -> None:
    settings.SLOW_SEARCH_MS = 0
    search(SearchRequest("turbine", side="lexical"), principal=reader(watched))
    with watched.scope():
        assert not SlowQuery.objects.exists()
        for _ in range(slow.MOST_A_DAY):
            SlowQuery.objects.create(query="x", duration_ms=1)
    settings.SLOW_SEARCH_MS = 1
    search(SearchRequest("turbine", side="lexical"), principal=reader(watched))
    with watched.scope():
        assert SlowQuery.objects.count() == slow.MOST_A_DAY


def test_a_plan_that_takes_too_long_is_given_up(watched: Corpus) -> None:
    with watched.reader(), connection.cursor() as cursor:
        assert "No plan" in slow.plan("SELECT pg_sleep(2)", {}, most_ms=20)
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_collections_whose_statistics_are_off_are_named(watched: Corpus) -> None:
    with watched.scope():
        Collection.objects.update(average_length=5)
        assert problems() == () or "average" in problems()[0]
        Collection.objects.update(average_length=100)
        assert "weighted with an average of 100 terms" in problems()[0]
        LexicalEntry.objects.filter(pk=LexicalEntry.objects.values("pk")[:1]).update(
            valid_to=timezone.now()
        )
        assert "30 passages are counted, 29 can be searched" in problems()[1]


def problems() -> tuple[str, ...]:
    """What is amiss with the only collection of the open scope."""
    (found,) = audits.statistics()
    return found.problems


def test_an_admin_sees_recall_warnings_and_plans(watched: Corpus, alice) -> None:
    with watched.scope():
        for recall in (0.99, 0.7):
            RecallAudit.objects.create(
                side="dense", queries=9, recall=recall, worst=0.4, ms=2, exact_ms=9
            )
        Collection.objects.update(average_length=100)
        row = SlowQuery.objects.create(query="slow words", duration_ms=2000, plan="Seq Scan <b>")
    admin = Client()
    assert admin.login(username=alice.email, password=PASSWORD)
    html = " ".join(admin.get("/admin/retrieval/recallaudit/").content.decode().split())
    assert "2 nights of recall" in html
    for words in ("by meaning", "Too low", "70.0 %", "-29.0", "Drifted", "average of 100 terms"):
        assert words in html
    assert "slow words" in admin.get("/admin/retrieval/slowquery/").content.decode()
    page = admin.get(f"/admin/retrieval/slowquery/{row.pk}/change/").content.decode()
    assert "Seq Scan &lt;b&gt;" in page


def test_the_list_of_nights_costs_as_much_with_one_as_with_many(watched: Corpus, alice) -> None:
    def night(recall: float) -> None:
        with watched.scope():
            for side in ("dense", "lexical"):
                RecallAudit.objects.create(
                    side=side, queries=9, recall=recall, worst=0.4, ms=2, exact_ms=9
                )

    admin = Client()
    assert admin.login(username=alice.email, password=PASSWORD)
    asked, pages = [], []
    for recalls in ([0.9], [0.8, 0.85, 0.95]):
        for recall in recalls:
            night(recall)
        with CaptureQueriesContext(connection) as queries:
            pages.append(admin.get("/admin/retrieval/recallaudit/?side=dense").content.decode())
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert [pages[1].count(points) for points in ("-10.0", "+5.0", "+10.0")] == [1, 1, 1]


def test_an_admin_has_a_collection_counted_anew(watched: Corpus, alice, bob) -> None:
    """Counts that are off in every way: one too many, one missing, one of a term that nothing holds."""
    with watched.scope():
        collection = Collection.objects.get()
        right = counts(collection)
        TermCount.objects.filter(collection=collection).exclude(dimension=0)[0].delete()
        for dimension, documents in ((0, 5), (7, 3)):
            TermCount.objects.create(
                collection=collection, dimension=dimension, documents=documents, length=0
            )
        Collection.objects.update(average_length=100)
        assert counts(collection) != right
    mend = f"/admin/retrieval/recallaudit/mend/{collection.pk}/"
    member, admin = Client(), Client()
    assert member.login(username=bob.email, password=PASSWORD)
    assert admin.login(username=alice.email, password=PASSWORD)
    member.post(mend)
    with watched.scope():
        assert counts(collection) != right
    said = admin.post(mend, follow=True).content.decode()
    assert "3 counts were off and are right now" in said
    assert "Drifted" not in said
    assert "every count was right" in admin.post(mend, follow=True).content.decode()
    with watched.scope():
        assert counts(collection) == right
        assert problems() == ()


def counts(collection: Collection) -> dict[int, int]:
    found: Counter[int] = Counter()
    for row in TermCount.objects.filter(collection=collection):
        found[row.dimension] += row.documents
    return {dimension: count for dimension, count in found.items() if count}


def test_the_command_explains_with_timings_and_plan(watched: Corpus) -> None:
    told = StringIO()
    call_command(
        "search", "turbine blades", tenant=watched.tenant.slug, explain=True, k=2,
        filter="type:pdf -title:x", stdout=told,
    )  # fmt: skip
    assert "Nothing found." in told.getvalue()
    call_command("search", "turbine", tenant=watched.tenant.slug, explain=True, k=2, stdout=told)
    assert "Function Scan on footnote_search" in told.getvalue()
    assert "words: scan, " in told.getvalue()
    assert "embed" in told.getvalue()
