"""docs/api.md says what the code does."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from api.openai.requests import IGNORED, NEUTRAL, CompletionInput
from config import error_pages, errors
from orchestration import events
from tenants import people
from tests.api.test_authentication import OPERATIONS

DOCS = Path(settings.ROOT, "docs/api.md")
CODE = ("platform/api", "platform/config", "ingestion/intake.py", "inference/errors.py")


@pytest.fixture(scope="module")
def told() -> str:
    return DOCS.read_text()


def test_every_operation_is_told(told: str) -> None:
    for _, path, _ in OPERATIONS:
        named = re.sub(r"/(x|footnote)(?=/|\Z)", "/{id}", path)
        assert named in told, path


def test_every_scope_is_told(told: str) -> None:
    for scope in people.SCOPES:
        assert f"`{scope}`" in told


def test_every_event_of_a_stream_is_told(told: str) -> None:
    kinds = {each.kind for each in events.Event.__args__}
    assert kinds == set(re.findall(r"^\| `(\w+)` \| (?:`\{|the same)", told, re.MULTILINE)) & kinds


def test_every_parameter_is_told_where_it_belongs(told: str) -> None:
    rows = {
        kind: set(
            re.findall(r"`(\w+)`", re.search(rf"^\| {kind} \|(.*)\|$", told, re.MULTILINE)[1])
        )  # type: ignore[index]
        for kind in ("are accepted without effect", "are refused unless neutral")
    }
    assert rows["are accepted without effect"] == IGNORED
    assert rows["are refused unless neutral"] == set(NEUTRAL)
    honoured = re.search(r"^\| have effect \|(.*)\|$", told, re.MULTILINE)
    assert honoured is not None
    assert set(re.findall(r"`(\w+)[.`]", honoured[1])) == set(CompletionInput().fields)


def test_every_code_of_an_error_is_told(told: str) -> None:
    codes = {*errors.CODES.values(), *(code for code, _ in error_pages.MACHINE.values())}
    codes.add(error_pages.FAULT[0])
    for place in CODE:
        root = Path(settings.ROOT, place)
        for file in [root] if root.is_file() else root.rglob("*.py"):
            codes |= set(re.findall(r"\bcode=\"(\w+)\"", file.read_text()))
            codes |= set(re.findall(r"Problem\(\s*\d+,\s*\"(\w+)\"", file.read_text()))
    untold = {code for code in codes if f"`{code}`" not in told}
    assert untold == set()
