"""From queued to searchable: what is published, when, by whom, and what a failure says."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections
from pytest_django import Settings

from ingestion import (
    claims,
    documents,
    lexical,
    pipeline,
    progress,
    publication,
    upkeep,
    vectors,
    weighing,
    work,
)
from ingestion.admin_forms import CollectionForm
from ingestion.errors import LeaseLost
from ingestion.models import (
    Chunk,
    Document,
    DocumentVersion,
    Embedding,
    EmbeddingSpace,
    IngestionRun,
    LexicalEntry,
    State,
    TermCount,
)
from tenants.models import Group, Tenant
from tests.ingestion.workshop import (
    Workshop,
    claimed,
    let_delays_pass,
    let_leases_lapse,
    operator,
    pdf,
    work_off,
)

HANDBOOK = """# Leave

Employees get 25 days of paid leave a year.

# Travel

Expenses above 500 euros need approval by the finance lead.
"""
NewWorkshop = Callable[[Tenant], Workshop]


def counts(workshop: Workshop) -> dict[int, tuple[int, int]]:
    """The collection's term counts, increments summed up, without those that are nothing."""
    with workshop.scope():
        rows = TermCount.objects.filter(collection=workshop.collection)
        found: dict[int, tuple[int, int]] = {}
        for place, number, length in rows.values_list("dimension", "documents", "length"):
            before = found.get(place, (0, 0))
            found[place] = (before[0] + number, before[1] + length)
    return {place: both for place, both in found.items() if any(both)}


# --- what is published ----------------------------------------------------------------------------


def test_a_document_becomes_searchable_with_everything_that_search_reads(
    workshop: Workshop,
) -> None:
    document = workshop.ingest("handbook.md", HANDBOOK)
    assert (document.state, document.chunks, document.reason) == ("ready", 1, "")
    with workshop.scope():
        version = DocumentVersion.objects.get(document=document)
        chunk = Chunk.objects.get(document=document)
        vector, words = Embedding.objects.get(pk=chunk.pk), LexicalEntry.objects.get(pk=chunk.pk)
        space = EmbeddingSpace.objects.get()
    assert document.current_version_id == version.pk == chunk.version_id == vector.version_id
    assert version.text[chunk.span_start : chunk.span_end] == chunk.text
    assert len(vector.vector) == space.dimensions == 384
    assert words.length > 10
    assert len(words.weights.indices()) > 10
    assert {chunk.valid_from, vector.valid_from, words.valid_from} == {version.valid_from}


def test_pages_and_title_come_from_the_file(workshop: Workshop) -> None:
    document = workshop.ingest(
        "scan-0042.pdf", pdf("Maintenance of pumps\nEvery six weeks.", "Second page.")
    )
    assert (document.state, document.pages) == ("ready", 2)
    assert workshop.run_of(document).pages == 2


@pytest.mark.parametrize(
    ("filename", "content", "title", "expected"),
    [
        (
            "q3-report.md",
            "# The third quarter\n\nSales rose by two per cent.",
            None,
            "The third quarter",
        ),
        ("q3-report.md", "# The third quarter\n\nSales rose by two per cent.", "Q3", "Q3"),
        ("q3-report.txt", "Sales rose by two per cent.", None, "q3-report"),
        (
            "letter.html",
            "<title>Untitled</title><p>Sales rose by two per cent.</p>",
            None,
            "letter",
        ),
    ],
)
def test_the_title_is_the_given_one_or_a_sensible_one(
    workshop: Workshop, filename: str, content: str, title: str | None, expected: str
) -> None:
    assert workshop.ingest(filename, content, title=title).title == expected


def test_each_stage_leaves_its_time_and_outcome(workshop: Workshop) -> None:
    document = workshop.ingest("handbook.md", HANDBOOK)
    stages = workshop.run_of(document).stages
    assert set(stages) == {"load", "parse", "clean", "chunk", "embed", "publish"}
    assert all(stage["outcome"] == "ok" and stage["ms"] >= 0 for stage in stages.values())


def test_many_small_texts_are_embedded_and_published_together(workshop: Workshop) -> None:
    offered = [
        documents.Upload(
            filename=f"{n}.txt",
            content=b"Fact number %d is about pumps." % n,
            media_type="text/plain",
        )
        for n in range(100)
    ]
    with workshop.scope():
        documents.upload_many(collection=workshop.collection, uploads=offered)
    assert work_off() == 2
    with workshop.scope():
        assert Document.objects.filter(state="ready", chunks=1).count() == 100
        assert Embedding.objects.count() == LexicalEntry.objects.count() == 100
        times = {run.stages["embed"]["batch"] for run in IngestionRun.objects.all()}
    assert times == {64, 36}


def test_a_bad_text_in_a_batch_fails_alone(workshop: Workshop) -> None:
    texts = [b"Alpha is a letter.", b" \n\t ", b"Beta is a letter.", b"\xff\xfe broken"]
    offered = [
        documents.Upload(filename=f"{n}.txt", content=text, media_type="text/plain")
        for n, text in enumerate(texts)
    ]
    with workshop.scope():
        documents.upload_many(collection=workshop.collection, uploads=offered)
    work_off()
    with workshop.scope():
        states = dict(Document.objects.values_list("external_id", "state"))
    assert states["0.txt"] == states["2.txt"] == "ready"
    assert states["1.txt"] == "failed"
    assert states["3.txt"] in {"ready", "failed"}


def test_reader_groups_are_on_every_row_that_search_reads(workshop: Workshop) -> None:
    with workshop.scope():
        group = Group.objects.create(tenant_id=workshop.tenant.pk, name="board")
    document = workshop.ingest("a.md", HANDBOOK, reader_groups=[group.pk])
    with workshop.scope():
        for table in (Chunk, Embedding, LexicalEntry):
            assert list(table.objects.values_list("reader_groups", flat=True)) == [[group.pk]]
        documents.restrict(document=document, reader_groups=[])
        for table in (Chunk, Embedding, LexicalEntry):
            assert list(table.objects.values_list("reader_groups", flat=True)) == [[]]


# --- versions -------------------------------------------------------------------------------------


def test_a_new_version_closes_the_old_one_in_the_same_commit(workshop: Workshop) -> None:
    document = workshop.ingest("handbook.md", HANDBOOK)
    workshop.ingest("handbook.md", HANDBOOK.replace("25 days", "30 days"))
    (text,) = workshop.current_texts(document)
    assert "30 days" in text
    with workshop.scope():
        old, new = DocumentVersion.objects.filter(document=document).order_by("number")
        assert old.valid_to == new.valid_from
        for table in (Chunk, Embedding, LexicalEntry):
            assert table.objects.filter(version_id=old.pk, valid_to=new.valid_from).exists()
            assert not table.objects.filter(version_id=old.pk, valid_to=None).exists()


def test_the_old_version_answers_while_the_new_one_waits_and_when_it_fails(
    workshop: Workshop,
) -> None:
    document = workshop.ingest("handbook.md", HANDBOOK)
    before = workshop.current_texts(document)
    workshop.upload("handbook.md", " \n ")
    assert workshop.current_texts(document) == before
    work_off()
    assert workshop.document(document.pk).state == "failed"
    assert workshop.current_texts(document) == before


def test_text_that_has_not_changed_is_not_embedded_again(workshop: Workshop) -> None:
    sections = [f"# Part {n}\n\n" + f"Sentence about topic {n}. " * 40 for n in range(6)]
    first = workshop.ingest("book.md", "\n\n".join(sections))
    sections[3] = sections[3].replace("topic 3", "subject three")
    second = workshop.ingest("book.md", "\n\n".join(sections))
    assert workshop.run_of(first).stages["embed"]["embedded"] >= 1
    embed = workshop.run_of(second).stages["embed"]
    assert embed["copied"] >= 4
    assert embed["embedded"] <= 2


def test_a_copied_vector_is_the_vector(workshop: Workshop) -> None:
    workshop.ingest("a.txt", "The pump is serviced every six weeks.", title="Pumps")
    workshop.ingest("b.txt", "The pump is serviced every six weeks.", title="Pumps")
    with workshop.scope():
        one, other = Embedding.objects.all()
        assert list(one.vector) == list(other.vector)
        assert workshop.run_of(workshop.upload("b.txt", "x").document).state == "queued"


def test_term_counts_are_those_of_the_current_chunks(workshop: Workshop) -> None:
    workshop.ingest("b.md", "Pumps and filters are serviced together.")
    only = counts(workshop)
    document = workshop.ingest("a.md", HANDBOOK)
    workshop.ingest("a.md", HANDBOOK + "\nFilters are not covered by any warranty.")
    assert counts(workshop) != only
    with workshop.scope():
        documents.delete(document=document)
    assert counts(workshop) == only


def test_folding_counts_changes_no_sum(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        workshop.ingest(
            f"{number}.txt", f"Pump number {number} is serviced by engineer {number % 2}."
        )
    before = counts(workshop)
    monkeypatch.setattr(upkeep, "MOST_INCREMENTS", 2)
    upkeep.fold_counts()
    assert counts(workshop) == before
    with workshop.scope():
        rows = TermCount.objects.filter(collection=workshop.collection)
        assert rows.count() == len(before)


def test_weights_follow_the_average_length_once_it_has_drifted(workshop: Workshop) -> None:
    workshop.ingest("short.txt", "Pumps leak.")
    for number in range(3):
        workshop.ingest(
            f"{number}.txt", f"Report {number}: " + "the pump was serviced by engineers " * 12
        )
    assert upkeep.reweigh() >= 4
    with workshop.scope():
        workshop.collection.refresh_from_db()
        average = workshop.collection.average_length or 0.0
        sums = counts(workshop)[0]
        assert average == pytest.approx(sums[1] / sums[0], rel=1e-6)
        for entry in LexicalEntry.objects.all():
            chunk = Chunk.objects.select_related("document").get(pk=entry.pk)
            draft_text = f"{chunk.document.title}\n{chunk.text}"
            words = weighing.Words.of(draft_text, "english")
            expected = lexical.bm25_weights(words.counts, words.length, average)
            stored = weighing.from_text(entry.weights.to_text())
            assert stored == pytest.approx(expected, abs=1e-5)


# --- the fence ------------------------------------------------------------------------------------


def test_a_worker_that_lost_its_lease_publishes_nothing(workshop: Workshop) -> None:
    found = workshop.upload("a.md", HANDBOOK)
    slow = claimed()
    let_leases_lapse()
    work.reconcile()
    let_delays_pass()
    quick = claimed()
    assert quick.run_ids == slow.run_ids
    assert pipeline.process(slow) == 0
    assert workshop.current_texts(found.document) == []
    assert pipeline.process(quick) == 1
    assert len(workshop.current_texts(found.document)) == 1


def test_two_workers_with_one_run_publish_it_once(workshop: Workshop) -> None:
    found = workshop.upload("a.md", HANDBOOK)
    slow = claimed()
    let_leases_lapse()
    work.reconcile()
    let_delays_pass()
    work_off()
    before = counts(workshop)
    assert pipeline.process(slow) == 0
    assert len(workshop.current_texts(found.document)) == 1
    assert counts(workshop) == before


def test_a_version_that_was_overtaken_publishes_nothing(workshop: Workshop) -> None:
    document = workshop.upload("a.md", HANDBOOK).document
    first = claimed()
    workshop.upload("a.md", HANDBOOK.replace("25", "30"))
    assert pipeline.process(first) == 0
    work_off()
    (text,) = workshop.current_texts(document)
    assert "30 days" in text
    with workshop.scope():
        codes = IngestionRun.objects.order_by("created_at").values_list("state", "reason_code")
        assert list(codes) == [("failed", "superseded"), ("ready", "")]


def test_a_document_deleted_meanwhile_stays_out_of_search(workshop: Workshop) -> None:
    document = workshop.upload("a.md", HANDBOOK).document
    found = claimed()
    with workshop.scope():
        documents.delete(document=document)
    assert pipeline.process(found) == 0
    assert workshop.current_texts(document) == []


def test_nothing_of_a_publication_that_breaks_off_can_be_seen(
    workshop: Workshop, tmp_path: Path
) -> None:
    document = workshop.ingest("a.md", HANDBOOK)
    before, sums = workshop.current_texts(document), counts(workshop)
    workshop.upload("a.md", HANDBOOK.replace("25", "30"))
    found = claimed()
    with workshop.scope():
        jobs = claims.jobs(found)
        space = vectors.serving_space()
    prepared = pipeline._prepare(pipeline.Bench(found, tmp_path), jobs[0], None)
    assert prepared is not None
    ready = pipeline._embed(found, [prepared], space)
    with pytest.raises(IntegrityError), workshop.scope():  # noqa: PT012  it breaks off after all is written
        published = publication.publish([prepared], ready, token=found.token, space_id=space.pk)
        assert published == set(found.run_ids)
        assert "30 days" in workshop.current_texts(document)[0]
        raise IntegrityError("the connection is lost just before the commit")
    assert workshop.current_texts(document) == before
    assert counts(workshop) == sums
    assert workshop.document(document.pk).state == "embedding"
    assert pipeline.process(found) == 1
    assert "30 days" in workshop.current_texts(document)[0]


def test_a_lost_lease_stops_the_work_early(workshop: Workshop) -> None:
    workshop.upload("a.md", HANDBOOK)
    found = claimed()
    found.lost.set()
    with pytest.raises(LeaseLost):
        progress.show(found, State.PARSING)
    assert pipeline.process(found) == 0


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "content", "code"),
    [
        ("blank.txt", b" \n\n\t ", "no_text"),
        ("letter.pdf", b"This is no PDF at all, whatever its name says.", "content_mismatch"),
        ("photo.pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "content_mismatch"),
        ("locked.pdf", pdf("Secret", password="open sesame"), "encrypted"),
        ("none.pdf", pdf(), "no_pages"),
        ("scan.pdf", pdf(" "), "needs_ocr"),
        ("cut.pdf", pdf("Text that is cut off in the middle")[:300], "corrupt"),
        ("mystery", b"\0\1\2\3\4\5\6\7" * 100, "unsupported_type"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_a_reason_and_a_remedy(
    workshop: Workshop, filename: str, content: bytes, code: str, settings: Settings
) -> None:
    settings.OCR_COMMAND = "no"
    document = workshop.ingest(filename, content)
    assert (document.state, document.reason_code) == ("failed", code)
    assert document.reason
    assert document.remedy
    run = workshop.run_of(document)
    assert (run.state, run.reason_code, run.attempts) == ("failed", code, 1)
    assert run.stages["parse"]["outcome"] == code
    assert workshop.current_texts(document) == []


@pytest.mark.parametrize(
    "hostile", ["NUL \0 in the text", "bell \x07 and escape \x1b", "tag \U000e0041 and bidi \u202e"]
)
def test_characters_that_break_databases_are_cleaned_away(workshop: Workshop, hostile: str) -> None:
    document = workshop.ingest(
        "notes.txt", f"First line. {hostile} {'Words follow. ' * 40}Last line."
    )
    assert document.state == "ready"
    (text,) = workshop.current_texts(document)
    assert text.startswith("First line.")
    assert text.endswith("Last line.")
    assert not set(text) & {"\0", "\x07", "\x1b", "\U000e0041", "\u202e"}


def test_a_space_of_another_model_is_never_mixed_with_ours(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", HANDBOOK)
    with workshop.scope():
        EmbeddingSpace.objects.update(model="another-model")
    workshop.upload("b.md", "Filters are changed every year.")
    work_off()
    with workshop.scope():
        waiting = Document.objects.get(external_id="b.md")
        assert Embedding.objects.count() == 1
    assert (waiting.state, waiting.reason_code) == ("queued", "embedding_space_mismatch")
    assert "another-model" in waiting.reason
    assert workshop.document(document.pk).state == "ready"


def test_what_fails_for_the_moment_waits_longer_each_time_and_then_fails(
    workshop: Workshop,
) -> None:
    workshop.ingest("a.md", HANDBOOK)
    with workshop.scope():
        EmbeddingSpace.objects.update(model="another-model")
    document = workshop.upload("b.md", "Filters are changed every year.").document
    delays = []
    for _ in range(work.MOST_ATTEMPTS):
        assert work_off() == 1
        run = workshop.run_of(document)
        delays.append(run.not_before)
        let_delays_pass()
    assert work_off() == 0
    failed = workshop.document(document.pk)
    assert (failed.state, failed.reason_code) == ("failed", "embedding_space_mismatch")
    assert "FOOTNOTE_EMBEDDING_MODEL" in failed.remedy


def test_vectors_of_one_tenant_are_never_copied_to_another(
    acme: Tenant, globex: Tenant, new_workshop: NewWorkshop
) -> None:
    ours, theirs = new_workshop(acme), new_workshop(globex)
    ours.ingest("a.md", HANDBOOK)
    copied = theirs.ingest("a.md", HANDBOOK)
    assert theirs.run_of(copied).stages["embed"]["copied"] == 0
    with theirs.scope():
        assert Chunk.objects.count() == 1
        assert {row.tenant_id for row in Embedding.objects.all()} == {globex.pk}


def test_a_document_that_failed_says_why_in_the_database_itself(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", HANDBOOK)
    with pytest.raises(IntegrityError, match="document_failed_says_why"), workshop.scope():
        Document.objects.filter(pk=document.pk).update(state="failed", reason="")
    connections["default"].close()


def test_the_queue_is_not_touched_by_a_run_that_is_not_there(workshop: Workshop) -> None:
    workshop.upload("a.md", HANDBOOK)
    assert operator("DELETE FROM ingestion_ingestionrun WHERE id = %s", uuid4()) == 0
    assert work_off() == 1


def test_the_language_of_a_collection_stays_once_documents_are_indexed_in_it(
    workshop: Workshop,
) -> None:
    with workshop.scope():
        assert not CollectionForm(instance=workshop.collection).fields["language"].disabled
    workshop.ingest("a.md", HANDBOOK)
    changed = {"name": "Papers", "slug": "papers", "language": "german", "groups": []}
    with workshop.scope():
        form = CollectionForm(changed, instance=workshop.collection)
        assert form.is_valid(), form.errors
        assert form.save().language == "english"
