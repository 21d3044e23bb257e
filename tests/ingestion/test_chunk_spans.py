"""What chunking promises, held against every document of the open data and against scripts without spaces."""

import json
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.chunking import ChunkDraft, ChunkProfile, chunk
from ingestion.parsing import sandbox
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import Block, Parsed, ParseLimits
from tests.ingestion.papers import parsed, shared, written
from tests.ingestion.test_chunking import COUNTER

PROFILE = ChunkProfile()
ROOM = PROFILE.max_tokens - COUNTER.special_tokens - PROFILE.prefix_tokens
ROWS = 400  # of each corpus


@pytest.fixture(scope="module", autouse=True)
def _own_processes() -> Iterator[None]:
    yield
    sandbox.close_all()


def keeps_its_promises(document: Parsed) -> list[ChunkDraft]:
    """The chunks of a document, after every promise was checked."""
    drafts = chunk(
        document.text, document.blocks, document.pages, tokenizer=COUNTER, profile=PROFILE
    )
    for draft in drafts:
        assert draft.text == document.text[draft.start : draft.end]
        seen = draft.embedding_text(document.title)
        assert COUNTER.count(seen) + COUNTER.special_tokens <= PROFILE.max_tokens
        assert draft.text in seen
    _covers(document, drafts)
    _keeps_whole(document, drafts)
    _heading_paths_are_right(document, drafts)
    _pages_are_right(document, drafts)
    return drafts


def _covers(document: Parsed, drafts: list[ChunkDraft]) -> None:
    """Every character that is not blank lies in a chunk."""
    done = 0
    for draft in drafts:
        assert not document.text[done : draft.start].strip()
        done = max(done, draft.end)
    assert not document.text[done:].strip()


def _keeps_whole(document: Parsed, drafts: list[ChunkDraft]) -> None:
    """A table or code that fits is in one chunk; one that does not goes on under its first row."""
    for block in document.blocks:
        if block.kind not in ("table", "code"):
            continue
        touching = [each for each in drafts if each.start < block.end and each.end > block.start]
        text = document.text[block.start : block.end]
        if COUNTER.count(text) < ROOM and len(text) <= PROFILE.max_chars:
            assert len(touching) == 1
        elif block.kind == "table":
            head = text.lstrip().split("\n", 1)[0]
            for draft in touching[1:]:
                # Of a first row that is itself too long, the beginning.
                told = draft.table_head and head.startswith(draft.table_head)
                assert told or draft.start < block.start


def _heading_paths_are_right(document: Parsed, drafts: list[ChunkDraft]) -> None:
    """Worked out again, from the blocks alone."""
    headings = [block for block in document.blocks if block.kind == "heading"]
    starts = [block.start for block in headings]
    for draft in drafts:
        stack: list[Block] = []
        for block in headings[: bisect_right(starts, _first_new(draft, drafts))]:
            stack = [above for above in stack if above.level < block.level] + [block]
        told = tuple(
            " ".join(document.text[block.start : block.end].split())[:200] for block in stack
        )
        assert [path[:60] for path in draft.heading_path] == [path[:60] for path in told]


def _first_new(draft: ChunkDraft, drafts: list[ChunkDraft]) -> int:
    """Where the chunk begins once what it repeats of the one before is left out."""
    before = drafts[draft.ordinal - 1].end if draft.ordinal else 0
    return max(draft.start, before)


def _pages_are_right(document: Parsed, drafts: list[ChunkDraft]) -> None:
    for draft in drafts:
        if draft.page is not None:
            page = document.pages[draft.page - 1]
            assert page.start <= draft.start < max(page.end, page.start + 1)


def files(*folder: str) -> list[Path]:
    return sorted(path for path in shared(*folder).iterdir() if path.is_file() and path.suffix)


@pytest.mark.parametrize("folder", [("pdf",), ("office",), ("markdown",), ("contoso", "pdf")])
def test_every_document_of_the_open_data_is_divided_as_promised(folder: tuple[str, ...]) -> None:
    read = 0
    for path in files(*folder):
        try:
            document = sandbox.parse(
                path, filename=path.name, media_type=None, limits=ParseLimits()
            )
        except PermanentParseError:
            continue
        assert keeps_its_promises(document) or not document.text.strip(), path.name
        read += 1
    assert read


@pytest.mark.parametrize(
    "folder", [("clapnq",), ("scifact",), ("xquad", "el"), ("xquad", "vi")], ids="/".join
)
def test_every_row_of_the_corpora_is_divided_as_promised(
    folder: tuple[str, ...], tmp_path: Path
) -> None:
    with shared(*folder, "corpus.jsonl").open(encoding="utf-8") as rows:
        for number, row in enumerate(rows):
            if number >= ROWS:
                break
            text = json.loads(row)["text"]
            if text.strip():
                assert keeps_its_promises(parsed(written(tmp_path / "row.txt", text)))


SCRIPTS = {
    "Chinese": "水泵每六周保养一次，过滤器每年春天更换。保修期为二十四个月，自交货之日起计算。",
    "Japanese": "ポンプは六週間ごとに点検し、フィルターは毎年春に交換します。保証期間は納品日から二十四か月です。",
    "Thai": "ปั๊มได้รับการบำรุงรักษาทุกหกสัปดาห์และตัวกรองจะถูกเปลี่ยนทุกฤดูใบไม้ผลิ",
    "Korean": "펌프는 육 주마다 점검하며 필터는 매년 봄에 교체합니다. 보증 기간은 이십사 개월입니다.",
    "Arabic": "تتم صيانة المضخة كل ستة أسابيع ويستبدل المرشح كل ربيع. مدة الضمان أربعة وعشرون شهرا.",
    "Hindi": "पंप की सेवा हर छह सप्ताह में होती है और फ़िल्टर हर वसंत में बदला जाता है।",
    "emoji": "🧪👩‍🔬🇵🇹🏳️‍🌈👨‍👩‍👧‍👦",
    "one long word": "x",
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("form", ["{}", "# {}\n\n{}", "| a | {} |\n| --- | --- |\n| {} | c |"])
def test_text_without_spaces_is_divided_as_promised(script: str, form: str, tmp_path: Path) -> None:
    long = SCRIPTS[script] * (4000 // len(SCRIPTS[script]))
    document = parsed(written(tmp_path / "a.md", form.replace("{}", long)))
    assert len(keeps_its_promises(document)) > 1
