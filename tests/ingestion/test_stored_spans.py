"""What is stored of a chunk: its span of the stored text is its text, and together chunks cover all of that text."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.models import Chunk, Document, DocumentVersion
from ingestion.parsing import sandbox
from tests.ingestion.papers import shared
from tests.ingestion.workshop import Workshop, work_off

ROWS = 60  # of each corpus
CORPORA = [("scifact",), ("clapnq",), ("xquad", "el"), ("xquad", "vi")]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _own_processes() -> Iterator[None]:
    yield
    sandbox.close_all()


def check(version: DocumentVersion) -> int:
    """Both promises of one version; how many chunks it has."""
    chunks = list(Chunk.objects.filter(version=version, valid_to=None).order_by("ordinal"))
    done, text = 0, version.text
    for chunk in chunks:
        assert chunk.text == text[chunk.span_start : chunk.span_end], version.filename
        assert not text[done : chunk.span_start].strip(), version.filename
        done = max(done, chunk.span_end)
    assert not text[done:].strip(), version.filename
    return len(chunks)


def check_all(workshop: Workshop) -> dict[str, int]:
    """The same of every document that is searchable; chunks by name."""
    with workshop.scope():
        current = Document.objects.filter(deleted_at=None).values("current_version_id")
        versions = DocumentVersion.objects.filter(id__in=current).select_related("document")
        return {one.document.external_id: check(one) for one in versions.order_by("id")}


WORDS = st.one_of(
    st.text("abc déß.,;!? \u00a0\u200b", min_size=1, max_size=120),
    st.text("水泵每六周保养一次。过滤器、更换！", min_size=1, max_size=300),
    st.text("ポンプは六週間ごとに点検し、", min_size=1, max_size=200),
    st.text("ปั๊มได้รับการบำรุงรักษา", min_size=1, max_size=300),
    st.text("αβγδ είναι Việt Nam ộ", min_size=1, max_size=150),
    st.text("🧪👩‍🔬🇵🇹🏳️‍🌈👨‍👩‍👧", min_size=1, max_size=60),
    st.text("a\u0301\u0316\u0327e", min_size=1, max_size=200),
    st.integers(200, 3000).map(lambda length: "x" * length),
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=100),
)
FORMS = st.sampled_from(
    [
        "# {}",
        "### {}",
        "{}",
        "- {}\n- {}",
        "> {}",
        "| a | b |\n| --- | --- |\n| {} | x |\n| y | {} |",
        "```python\n{}\n```",
    ]
)
PIECES = st.tuples(FORMS, WORDS).map(lambda pair: pair[0].replace("{}", pair[1]))


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(PIECES, min_size=1, max_size=8))
def test_whatever_is_written_stored_spans_are_the_chunks_and_cover_it_all(
    workshop: Workshop, pieces: list[str]
) -> None:
    document = workshop.ingest("any.md", "\n\n".join(["Some words.", *pieces]))
    assert document.state == "ready", document.reason
    with workshop.scope():
        assert check(DocumentVersion.objects.get(pk=document.current_version_id))


def test_files_of_every_folder_of_the_open_data_are_stored_with_exact_spans(
    workshop: Workshop,
) -> None:
    """Some of each kind; all of them are in the soak below."""
    for folder, name in (
        ("pdf", "pdflatex-outline.pdf"),
        ("pdf", "multicolumn.pdf"),
        ("pdf", "habibi.pdf"),
        ("office", "test.docx"),
        ("office", "test.xlsx"),
        ("office", "test.pptx"),
        ("office", "test.epub"),
        ("office", "test_mskanji.csv"),
        ("office", "test_notebook.ipynb"),
        ("office", "test_outlook_msg.msg"),
    ):
        workshop.upload(name, shared(folder, name).read_bytes())
    work_off()
    found = check_all(workshop)
    assert len(found) == 10
    assert all(found.values())


@pytest.mark.parametrize("corpus", CORPORA, ids="/".join)
def test_rows_of_the_corpora_are_stored_with_exact_spans(
    workshop: Workshop, corpus: tuple[str, ...]
) -> None:
    with shared(*corpus, "corpus.jsonl").open(encoding="utf-8") as rows:
        for number, row in zip(range(ROWS // 6), rows, strict=False):
            workshop.upload(f"{number}.txt", json.loads(row)["text"])
    work_off()
    assert all(check_all(workshop).values())


@pytest.mark.soak
def test_everything_of_the_open_data_is_stored_with_exact_spans(workshop: Workshop) -> None:
    """Some minutes: each file of all folders, and the first rows of each corpus."""
    folders = [("pdf",), ("office",), ("markdown",), ("contoso", "pdf")]
    files = [path for folder in folders for path in sorted(shared(*folder).iterdir())]
    _upload_files(workshop, [path for path in files if path.is_file()])
    for corpus in CORPORA:
        with shared(*corpus, "corpus.jsonl").open(encoding="utf-8") as rows:
            for number, row in zip(range(ROWS), rows, strict=False):
                workshop.upload(f"{'-'.join(corpus)}-{number}.txt", json.loads(row)["text"])
    work_off()
    found = check_all(workshop)
    assert sum(found.values()) > 2_000
    print(f"{len(found)} documents, {sum(found.values())} chunks")


def _upload_files(workshop: Workshop, paths: list[Path]) -> None:
    for path in paths:
        if path.suffix and path.suffix not in (".bin", ".json"):
            workshop.upload(f"{path.parent.name}/{path.name}", path.read_bytes())
