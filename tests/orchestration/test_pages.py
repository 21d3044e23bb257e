"""A quote is on the page where it begins, wherever its passage began."""

from dataclasses import replace

import pytest

from ingestion.models import Chunk, DocumentVersion
from orchestration.citations import quoted
from orchestration.pages import on_their_pages, page_at
from tests.cast import Member
from tests.library import Library
from tests.orchestration.test_citations import passage

PAGES = [{"number": 1, "start": 0, "end": 40}, {"number": 2, "start": 42, "end": 90}]


@pytest.mark.parametrize(("offset", "page"), [(0, 1), (41, 1), (42, 2), (500, 2)])
def test_a_page_holds_what_follows_its_beginning(offset: int, page: int) -> None:
    assert page_at(PAGES, offset) == page


def test_the_quote_s_own_page_is_cited(alice: Member, acme_library: Library) -> None:
    with alice.scope():
        chunk = Chunk.objects.get(document__external_id="leave.md")
        DocumentVersion.objects.filter(pk=chunk.version_id).update(page_spans=PAGES)
    spread = replace(
        passage(chunk.text, start=chunk.span_start),
        chunk_id=chunk.pk,
        version_id=chunk.version_id,
        page=1,
        page_end=2,
    )
    cited = quoted(1, spread, "When does the Zurich office close?")
    assert cited.span_start > 42
    assert on_their_pages([cited], [spread], alice.principal)[0].page == 2


def test_a_passage_on_one_page_needs_no_look(alice: Member) -> None:
    cited = quoted(1, passage(), "When does the office close?")
    assert on_their_pages([cited], [passage()], alice.principal) == (cited,)
