"""Whatever is uploaded ends as text or as a failure with a reason; the worker does not notice."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.cleaning import clean
from ingestion.parsing import sandbox
from ingestion.parsing.errors import PERMANENT_CODES, PermanentParseError
from ingestion.parsing.sandbox import Ocr
from ingestion.parsing.types import Parsed, ParseLimits
from tests.ingestion.hostile import FILES as PLAIN
from tests.ingestion.hostile_formats import FORMATS
from tests.ingestion.papers import written

FILES = PLAIN | FORMATS
# Whether or not it is installed: a program that is there and finds nothing, so that pictures are unpacked.
TESSERACT = "true"
LIMITS = ParseLimits(
    cpu_seconds=4, wall_seconds=12, memory_bytes=800 * 2**20, output_bytes=64 * 2**20
)


@pytest.fixture(scope="module", autouse=True)
def _own_processes() -> Iterator[None]:
    yield
    sandbox.close_all()


def test_there_are_many_of_them() -> None:
    assert len(FILES) >= 100
    assert not PLAIN.keys() & FORMATS.keys()


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_with_a_reason_or_as_clean_text(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, FILES[name]())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = _outcome(path, _empty(tmp_path / "inside"))
    if isinstance(outcome, PermanentParseError):
        assert outcome.code in PERMANENT_CODES
        assert outcome.message
        assert outcome.remedy
    else:
        assert clean(outcome.text) == outcome.text
        assert "root:" not in outcome.text
        assert "hahahaha" not in outcome.text
    inside = list((tmp_path / "inside").iterdir())
    assert all(found.name.isdecimal() and found.is_file() for found in inside)
    assert sum(found.stat().st_size for found in inside) <= LIMITS.unpacked_bytes
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 900 * 1024  # kB: building the bomb itself counts here


def _empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _outcome(path: Path, inside: Path) -> Parsed | PermanentParseError:
    try:
        return sandbox.parse(
            path,
            filename=path.name,
            media_type=None,
            limits=LIMITS,
            enclosed_in=inside,
            ocr=Ocr(command=TESSERACT),
        )
    except PermanentParseError as error:
        return error
