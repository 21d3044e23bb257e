"""Whatever is uploaded ends as text or as a failure with a reason; the worker does not notice."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.cleaning import clean
from ingestion.parsing import sandbox
from ingestion.parsing.errors import PERMANENT_CODES, PermanentParseError
from ingestion.parsing.types import Parsed, ParseLimits
from tests.ingestion.hostile import FILES
from tests.ingestion.papers import written

LIMITS = ParseLimits(
    cpu_seconds=4, wall_seconds=12, memory_bytes=800 * 2**20, output_bytes=64 * 2**20
)


@pytest.fixture(scope="module", autouse=True)
def _own_processes() -> Iterator[None]:
    yield
    sandbox.close_all()


def test_there_are_many_of_them() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_with_a_reason_or_as_clean_text(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, FILES[name]())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = _outcome(path)
    if isinstance(outcome, PermanentParseError):
        assert outcome.code in PERMANENT_CODES
        assert outcome.message
        assert outcome.remedy
    else:
        assert clean(outcome.text) == outcome.text
        assert "root:" not in outcome.text
        assert "hahahaha" not in outcome.text
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 900 * 1024  # kB: building the bomb itself counts here


def _outcome(path: Path) -> Parsed | PermanentParseError:
    try:
        return sandbox.parse(path, filename=path.name, media_type=None, limits=LIMITS)
    except PermanentParseError as error:
        return error
