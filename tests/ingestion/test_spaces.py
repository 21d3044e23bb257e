"""Embedding spaces: a second one fills beside the first, takes over in one transaction, and can be left again."""

from collections.abc import Callable

import pytest

from inference.embedding.specification import parse
from inference.errors import EmbeddingModelUnavailable
from ingestion import filling, pipeline, spaces, work
from ingestion.errors import SpaceRefused
from ingestion.models import Chunk, Embedding, EmbeddingSpace
from retrieval.passages import SearchRequest, SearchResult
from retrieval.search import search
from tenants.models import AuditEvent, Tenant
from tenants.scope import platform_principal
from tests.ingestion.workshop import Workshop

SHORT = "minilm@256"
TABLE = "# Parts\n\n| part | price |\n|---|---|\n" + "\n".join(
    f"| valve number {n} for the large pump | {n} Euro and some cents |" for n in range(90)
)


CODE = "class Pump:\n" + "\n\n".join(
    f"    def part_{n}(self):\n        value = {n} * self.pressure_of_the_large_pump()\n        return value + {n}"
    for n in range(60)
)


def fill_up(workshop: Workshop, space: EmbeddingSpace) -> bool:
    """What the job does in some rounds; is the space complete?"""
    return any(filling.fill(workshop.tenant.pk, space.pk, 0.01) for _ in range(20))


def add(workshop: Workshop, specification: str = SHORT) -> EmbeddingSpace:
    with workshop.scope():
        return spaces.add(specification)


def vectors_in(workshop: Workshop, space: EmbeddingSpace) -> set[object]:
    with workshop.scope():
        return set(Embedding.objects.filter(space=space).values_list("id", flat=True))


def asked(workshop: Workshop, query: str = "Who oils the pump?") -> SearchResult:
    request = SearchRequest(query, collection_ids=[workshop.collection.pk])
    return search(request, principal=platform_principal(workshop.tenant.pk))


def test_a_second_space_fills_takes_over_and_is_left_again(workshop: Workshop) -> None:
    workshop.ingest("pump.md", "The pump is oiled by Ada every Monday.")
    first = asked(workshop)
    space = add(workshop)
    fill_up(workshop, space)
    done = spaces.switch(workshop.tenant.pk, space.pk)
    assert done.former is not None
    second = asked(workshop)
    assert not second.degraded
    assert second.passages[0].chunk_id == first.passages[0].chunk_id
    assert second.passages[0].explain.dense_score != first.passages[0].explain.dense_score
    back = spaces.switch(workshop.tenant.pk, done.former)
    assert back.space.dimensions == 384
    again = asked(workshop)
    assert again.passages[0].explain.dense_score == first.passages[0].explain.dense_score
    with workshop.scope():
        assert AuditEvent.objects.filter(action="space.switched").count() == 2


def test_what_is_published_while_a_space_fills_is_in_it_at_the_switch(workshop: Workshop) -> None:
    workshop.ingest("a.md", "The pump is oiled by Ada.")
    space = add(workshop)
    fill_up(workshop, space)
    workshop.ingest("b.md", "The boiler is cleaned by Bob.")
    spaces.switch(workshop.tenant.pk, space.pk)
    with workshop.scope():
        assert vectors_in(workshop, space) == set(Chunk.objects.values_list("id", flat=True))


def test_a_passage_that_was_replaced_meanwhile_is_not_current_in_the_new_space(
    workshop: Workshop,
) -> None:
    workshop.ingest("a.md", "The pump is oiled by Ada.")
    space = add(workshop)
    workshop.ingest("a.md", "The pump is oiled by Zoe.")
    fill_up(workshop, space)
    with workshop.scope():
        rows = Embedding.objects.filter(space=space)
        current = set(rows.filter(valid_to=None).values_list("id", flat=True))
        assert current == set(Chunk.objects.filter(valid_to=None).values_list("id", flat=True))
        assert rows.exclude(valid_to=None).count() == 1, "the past stays searchable"


@pytest.mark.parametrize(("name", "text"), [("parts.md", TABLE), ("pump.py", CODE)])
def test_the_vectors_are_those_that_ingestion_would_make(
    workshop: Workshop, name: str, text: str
) -> None:
    """Also of a long table or long code, whose later passages are embedded with their head."""
    document = workshop.ingest(name, text)
    space = add(workshop)
    fill_up(workshop, space)
    with workshop.scope():
        pieces = list(Chunk.objects.filter(document=document).values_list("id", flat=True))
        assert len(pieces) > 3
        whole = {row.pk: list(row.vector)[:256] for row in Embedding.objects.exclude(space=space)}
        cut = {row.pk: list(row.vector) for row in Embedding.objects.filter(space_id=space.pk)}
    for key in pieces:
        length = sum(number * number for number in whole[key]) ** 0.5
        assert cut[key] == pytest.approx([number / length for number in whole[key]], abs=0.02)


def test_a_document_embedded_for_the_space_that_served_is_embedded_anew(workshop: Workshop) -> None:
    workshop.ingest("a.md", "The pump is oiled by Ada.")
    space = add(workshop)
    fill_up(workshop, space)
    document = workshop.upload("b.md", "The boiler is cleaned by Bob.").document
    claimed = work.claim()
    assert claimed is not None
    published = pipeline.publication.publish

    def switches_first(*args: object, **options: object) -> object:
        pipeline.publication.publish = published
        raise_switch()
        return published(*args, **options)  # type: ignore[arg-type]

    def raise_switch() -> None:
        # From another connection, as another process would.
        import threading

        thread = threading.Thread(target=spaces.switch, args=(workshop.tenant.pk, space.pk))
        thread.start()
        thread.join()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.publication, "publish", switches_first)
        pipeline.process(claimed)
    with workshop.scope():
        made = Embedding.objects.filter(version_id=workshop.run_of(document).version_id)
        assert {row.space_id for row in made} == {space.pk}
    assert workshop.document(document.pk).state == "ready"


def test_a_space_of_the_same_model_is_refused(workshop: Workshop) -> None:
    workshop.ingest("a.md", "The pump is oiled by Ada.")
    with pytest.raises(SpaceRefused, match="There is a space of"):
        add(workshop, "minilm")


@pytest.mark.parametrize(
    "asked_for", ["/etc", "openai:other", "minilm@0", "minilm@999", "nonsense"]
)
def test_a_model_that_is_not_on_the_list_is_refused(workshop: Workshop, asked_for: str) -> None:
    workshop.ingest("a.md", "The pump is oiled by Ada.")
    with pytest.raises(SpaceRefused):
        add(workshop, asked_for)


def test_an_unknown_model_is_named_with_those_that_there_are() -> None:
    with pytest.raises(EmbeddingModelUnavailable, match=r"'nonsense' is not .* there are: minilm"):
        parse("nonsense")


def test_a_paused_space_is_not_filled(workshop: Workshop) -> None:
    workshop.ingest("a.md", "The pump is oiled by Ada.")
    space = add(workshop)
    with workshop.scope():
        spaces.pause(space, paused=True)
    fill_up(workshop, space)
    assert vectors_in(workshop, space) == set()
    with pytest.raises(SpaceRefused, match="not complete"):
        spaces.switch(workshop.tenant.pk, space.pk, seconds=0.1)


def test_a_space_that_serves_is_not_dropped_and_another_is(workshop: Workshop) -> None:
    workshop.ingest("a.md", "The pump is oiled by Ada.")
    space = add(workshop)
    fill_up(workshop, space)
    done = spaces.switch(workshop.tenant.pk, space.pk)
    with pytest.raises(SpaceRefused, match="serves searches"):
        spaces.drop(workshop.tenant.pk, space.pk)
    assert done.former is not None
    assert spaces.drop(workshop.tenant.pk, done.former) == 1
    assert asked(workshop).passages


def test_progress_tells_what_is_left(workshop: Workshop) -> None:
    workshop.ingest("parts.md", TABLE)
    space = add(workshop)
    with workshop.scope():
        told = spaces.progress(space)
    assert (told.filled, told.share, told.seconds_left) == (0, 0.0, None)
    fill_up(workshop, space)
    with workshop.scope():
        space.refresh_from_db()
        told = spaces.progress(space)
    assert told.share == 1.0
    assert (told.seconds_left, told.cost_left) == (0, 0)


def test_one_tenant_s_switch_leaves_the_others_where_they_are(
    workshop: Workshop, globex: Tenant, new_workshop: Callable[[Tenant], Workshop]
) -> None:
    other = new_workshop(globex)
    for one in (workshop, other):
        one.ingest("a.md", "The pump is oiled by Ada.")
    space = add(workshop)
    fill_up(workshop, space)
    spaces.switch(workshop.tenant.pk, space.pk)
    with other.scope():
        assert [row.dimensions for row in EmbeddingSpace.objects.all()] == [384]
    with pytest.raises(SpaceRefused):
        spaces.switch(other.tenant.pk, space.pk, seconds=0.1)
    assert not asked(other).degraded
