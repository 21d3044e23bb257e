"""Another k1 or b: made ready in the background, in place in one commit, and what a new ingestion would give."""

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Sum
from django.test import Client

from ingestion import collections, lexical, reweighting, upkeep
from ingestion.models import Chunk, Collection, Document, LexicalEntry, TermCount
from ingestion.weighing import from_text
from tests.cast import PASSWORD, Member
from tests.ingestion.workshop import Workshop

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def admin(alice: Member) -> Client:
    client = Client()
    assert client.login(username=alice.email, password=PASSWORD)
    return client


@pytest.fixture
def stocked(workshop: Workshop) -> Workshop:
    reweighting.continue_all()  # what other tests have left
    workshop.ingest("a.txt", "Pumps leak. " + "The pump and the pump valve are serviced. " * 3)
    workshop.ingest("b.txt", "Filters are changed by the staff every six weeks.")
    return workshop


def weights(workshop: Workshop) -> dict[object, object]:
    with workshop.scope():
        return {row.pk: row.weights for row in LexicalEntry.objects.all()}


def change(workshop: Workshop, **values: float) -> None:
    with workshop.scope():
        collections.change(workshop.collection, **values)
        workshop.collection.refresh_from_db()


def expected(workshop: Workshop, k1: float, b: float) -> dict[object, dict[int, float]]:
    """What ingestion itself would write for these values."""
    made = {}
    with workshop.scope():
        for entry in LexicalEntry.objects.all():
            chunk = Chunk.objects.select_related("document").get(pk=entry.pk)
            words = lexical.terms(f"{chunk.document.title}\n{chunk.text}")
            counts = {term: words.count(term) for term in words}
            made[entry.pk] = lexical.bm25_weights(counts, entry.length, entry.average_length, k1, b)
    return made


def same(found: dict[object, object], wanted: dict[object, dict[int, float]]) -> bool:
    return found.keys() == wanted.keys() and all(
        from_text(str(found[key].to_text())) == pytest.approx(wanted[key], rel=1e-5)  # type: ignore[attr-defined]
        for key in found
    )


def test_all_entries_follow_and_the_collection_says_when(stocked: Workshop) -> None:
    assert same(weights(stocked), expected(stocked, 1.2, 0.75))
    change(stocked, bm25_k1=2.0, bm25_b=0.3)
    assert reweighting.is_due(stocked.collection)
    assert same(weights(stocked), expected(stocked, 1.2, 0.75)), "searches go on with the old ones"
    assert reweighting.continue_all() == 1
    assert same(weights(stocked), expected(stocked, 2.0, 0.3))
    with stocked.scope():
        stocked.collection.refresh_from_db()
        assert not reweighting.is_due(stocked.collection)
        assert not LexicalEntry.objects.exclude(next_weights=None).exists()
    assert reweighting.continue_all() == 0


def test_nothing_changes_before_everything_is_ready(
    stocked: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = weights(stocked)
    change(stocked, bm25_k1=3.0)
    monkeypatch.setattr(reweighting, "BATCH", 1)
    monkeypatch.setattr(reweighting, "_switch", lambda *_: False)
    reweighting.continue_all()
    with stocked.scope():
        stocked.collection.refresh_from_db()
        assert reweighting.progress(stocked.collection) == (len(before), len(before))
    assert {key: str(one) for key, one in weights(stocked).items()} == {
        key: str(one) for key, one in before.items()
    }


def test_what_is_published_meanwhile_changes_over_with_the_rest(
    stocked: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(stocked, bm25_k1=3.0)
    with monkeypatch.context() as patched:
        patched.setattr(reweighting, "_switch", lambda *_: False)
        reweighting.continue_all()
    stocked.ingest("c.txt", "Turbines are inspected by borescope, turbines above all.")
    reweighting.continue_all()
    assert same(weights(stocked), expected(stocked, 3.0, 0.75))
    stocked.ingest("d.txt", "Boilers are inspected, boilers above all.")
    assert same(weights(stocked), expected(stocked, 3.0, 0.75))


def test_other_values_on_the_way_are_those_that_count(
    stocked: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(stocked, bm25_k1=3.0)
    with monkeypatch.context() as patched:
        patched.setattr(reweighting, "_switch", lambda *_: False)
        reweighting.continue_all()
    change(stocked, bm25_k1=0.9, bm25_b=1.0)
    reweighting.continue_all()
    assert same(weights(stocked), expected(stocked, 0.9, 1.0))


def test_going_back_on_the_way_leaves_everything_as_it_was(
    stocked: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(stocked, bm25_k1=3.0)
    with monkeypatch.context() as patched:
        patched.setattr(reweighting, "_switch", lambda *_: False)
        reweighting.continue_all()
    change(stocked, bm25_k1=1.2)
    reweighting.continue_all()
    assert same(weights(stocked), expected(stocked, 1.2, 0.75))
    assert reweighting.continue_all() == 0


PUMPS = "The pump is serviced every week by the staff of the plant. " * 20
VALVES = "A valve sticks. It is oiled by whoever finds it. " * 20
HEADED = f"# Coolant pumps\n\n{PUMPS}\n\n## Valves\n\n{VALVES}\n"


def by_text(workshop: Workshop) -> dict[str, list[dict[int, float]]]:
    """The weights of each passage's text, one for each document that has it."""
    found: dict[str, list[dict[int, float]]] = {}
    with workshop.scope():
        for chunk in Chunk.objects.filter(valid_to=None).order_by("id"):
            entry = LexicalEntry.objects.get(pk=chunk.pk)
            found.setdefault(chunk.text, []).append(from_text(entry.weights.to_text()))
    return found


def occurrences(workshop: Workshop, term: str) -> dict[str, int]:
    """How often a term counts in each passage, by its text: what its weight says."""
    found = {}
    with workshop.scope():
        for chunk in Chunk.objects.filter(valid_to=None):
            entry = LexicalEntry.objects.get(pk=chunk.pk)
            norm = 1.2 * (0.25 + 0.75 * entry.length / entry.average_length)
            weight = from_text(entry.weights.to_text()).get(lexical.dimension(term), 0.0)
            found[chunk.text] = round(norm * weight / (1 - weight))
    return found


def counted(workshop: Workshop) -> dict[int, int]:
    with workshop.scope():
        rows = TermCount.objects.values("dimension").annotate(n=Sum("documents")).order_by()
        return {row["dimension"]: row["n"] for row in rows if row["n"]}


def test_words_of_titles_and_headings_count_as_often_as_they_are_said_to(
    workshop: Workshop,
) -> None:
    reweighting.continue_all()  # what other tests have left
    workshop.ingest("a.md", HEADED)
    plain, counts = by_text(workshop), counted(workshop)
    coolant, valves = occurrences(workshop, "coolant"), occurrences(workshop, "valv")
    with workshop.scope():
        paths = {row.text: " ".join(row.heading_path) for row in Chunk.objects.all()}
        assert "Coolant" in Document.objects.get().title
    change(workshop, title_weight=4)
    assert reweighting.continue_all() == 1
    assert occurrences(workshop, "coolant") == {text: n + 3 for text, n in coolant.items()}
    assert occurrences(workshop, "valv") == valves
    change(workshop, heading_weight=2)
    reweighting.continue_all()
    assert occurrences(workshop, "valv") == {
        text: n + paths[text].count("Valves") for text, n in valves.items()
    }
    assert occurrences(workshop, "valv") != valves
    assert counted(workshop) == counts, "in how many passages a word stands does not change"
    workshop.ingest("b.md", HEADED)
    for anew, ingested in by_text(workshop).values():
        assert anew == pytest.approx(ingested, rel=1e-5)
    change(workshop, title_weight=1, heading_weight=1)
    reweighting.continue_all()
    for text, found in by_text(workshop).items():
        assert found == [pytest.approx(plain[text][0], rel=1e-5)] * 2


@pytest.mark.parametrize("value", [0, 11])
def test_a_weight_of_titles_has_its_limits(stocked: Workshop, value: int) -> None:
    with pytest.raises(ValidationError) as refused:
        change(stocked, title_weight=value)
    assert set(refused.value.message_dict) == {"title_weight"}


def test_an_administrator_sees_what_is_in_use(admin: Client, stocked: Workshop) -> None:
    url = f"/admin/ingestion/collection/{stocked.collection.pk}/change/"
    form = {"name": "Papers", "slug": "papers", "language": "english", "chunk_profile": "balanced"}
    refused = admin.post(url, form | {"bm25_k1": "0", "bm25_b": "2"}).content.decode()
    assert "greater than or equal to 0.1" in refused
    admin.post(url, form | {"bm25_k1": "1.6"})
    assert (
        "k1 1.2, b 0.75, titles 1, headings 1, until the new ones are ready: 0 of 2 passages"
        in admin.get(url).content.decode().replace("\n", " ")
    )
    reweighting.continue_all()
    assert "k1 1.6, b 0.75" in admin.get(url).content.decode()
    with stocked.scope():
        assert Collection.objects.get().bm25_b == 0.75, "what is left empty stays"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_is_no_number_is_refused_by_field(stocked: Workshop, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        change(stocked, bm25_k1=float(value))
    assert refused.value.message_dict == {
        "bm25_k1": ["Expected a number; NaN and infinity are none."]
    }


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_an_administrator_cannot_type_what_is_no_number(
    admin: Client, stocked: Workshop, value: str
) -> None:
    url = f"/admin/ingestion/collection/{stocked.collection.pk}/change/"
    form = {"name": "Papers", "slug": "papers", "language": "english", "chunk_profile": "balanced"}
    assert "Enter a number." in admin.post(url, form | {"bm25_b": value}).content.decode()


def test_a_worker_that_was_overtaken_prepares_nothing(
    stocked: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(stocked, bm25_k1=3.0)
    about = {"tenant": stocked.tenant.pk, "collection": stocked.collection.pk}
    with stocked.scope():
        target = reweighting._begun(about)
    reweighting.continue_all()  # as another worker
    with monkeypatch.context() as patched:
        patched.setattr(reweighting, "_begun", lambda _: target)
        assert not reweighting.reweigh(stocked.tenant.pk, stocked.collection.pk)
    with stocked.scope():
        assert not LexicalEntry.objects.exclude(next_weights=None).exists()
    assert same(weights(stocked), expected(stocked, 3.0, 0.75))


def test_a_batch_keeps_another_worker_from_switching(stocked: Workshop) -> None:
    change(stocked, bm25_k1=3.0)
    about = {"tenant": stocked.tenant.pk, "collection": stocked.collection.pk}
    with stocked.scope():
        target = reweighting._begun(about)
    with stocked.scope():
        reweighting._prepare(about, target, UUID(int=0))
        assert not may_lock(stocked, "FOR NO KEY UPDATE SKIP LOCKED")


def test_uploads_do_not_wait_for_the_switch(stocked: Workshop) -> None:
    change(stocked, bm25_k1=3.0)
    about = {"tenant": stocked.tenant.pk, "collection": stocked.collection.pk}
    with stocked.scope():
        target = reweighting._begun(about)
    with stocked.scope():
        assert reweighting._switch(about, target)
        assert may_lock(stocked, "FOR KEY SHARE SKIP LOCKED"), "as a foreign key does"


def may_lock(workshop: Workshop, how: str) -> bool:
    """Whether another session could lock the collection's row in this way now."""
    row = "SELECT FROM ingestion_collection WHERE id = %s "
    with connections["operator"].cursor() as cursor:
        cursor.execute(row + how, [workshop.collection.pk])
        return cursor.rowcount == 1


def test_one_collection_that_fails_does_not_stop_the_others(
    stocked: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    with stocked.scope():
        second = collections.create(slug="second")
    other = Workshop(stocked.tenant, second)
    other.ingest("c.txt", "Turbines are inspected by borescope.")
    for each in (stocked, other):
        change(each, bm25_k1=3.0)
    first, last = sorted([stocked.collection, second], key=lambda row: row.pk)
    with stocked.scope():
        Collection.objects.filter(pk=first.pk).update(bm25_b=float("nan"))
    reweighting.continue_all()
    with stocked.scope():
        last.refresh_from_db()
        assert not reweighting.is_due(last)
        Collection.objects.filter(pk=first.pk).update(bm25_b=0.75)
    assert str(first.pk) in caplog.text
    reweighting.continue_all()
    with stocked.scope():
        first.refresh_from_db()
        assert not reweighting.is_due(first)


def test_the_average_is_followed_with_the_values_of_the_moment(
    stocked: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A switch between two batches: the second is weighted with what holds then."""
    change(stocked, bm25_k1=3.0)
    monkeypatch.setattr(upkeep, "BATCH", 1)
    weigh, others = upkeep.weighed_anew, iter([True])

    def and_another_switches(*given: Any) -> str:
        made = weigh(*given)
        if next(others, False):
            with connections["operator"].cursor() as cursor:
                cursor.execute(
                    "SELECT pg_try_advisory_xact_lock(hashtextextended('weights ' || %s::text, 0))",
                    [stocked.collection.pk],
                )
                assert cursor.fetchone() == (False,), "no switch while a batch is made"
        return made

    monkeypatch.setattr(upkeep, "weighed_anew", and_another_switches)
    assert upkeep._reweigh(stocked.tenant.pk, stocked.collection.pk, 40.0) == 2
    assert same(weights(stocked), expected(stocked, 1.2, 0.75))
    reweighting.continue_all()
    assert same(weights(stocked), expected(stocked, 3.0, 0.75))
