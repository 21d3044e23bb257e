"""What may enter the database, the models and the browser."""

import json
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.cleaning import clean, clean_json, clean_line

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("dirty", "cleaned"),
    [
        ("a\0b", "ab"),
        ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("pass\u00adword", "password"),
        ("e\u0301", "\u00e9"),
        ("\ud83d\ude00", "\U0001f600"),
        ("x\ud800y", "x\ufffdy"),
        ("pay \u202eevil\u202c", "pay evil"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("10\u00a0000\u202fEUR", "10 000 EUR"),
        ("end  \n\n\n\n next \n", "end\n\n next"),
        ("tab\tstays", "tab\tstays"),
        ("", ""),
    ],
)
def test_each_kind_of_dirt_has_its_treatment(dirty: str, cleaned: str) -> None:
    assert clean(dirty) == cleaned


@given(ANYTHING)
def test_clean_text_is_stable_and_acceptable_everywhere(text: str) -> None:
    result = clean(text)
    assert clean(result) == result
    assert unicodedata.is_normalized("NFC", result)
    assert "\0" not in result
    assert "\r" not in result
    result.encode("utf-8")  # no lone surrogates


@given(st.lists(ANYTHING, max_size=4))
def test_pieces_cleaned_one_by_one_make_a_clean_whole(pieces: list[str]) -> None:
    whole = "\n\n".join(piece for piece in (clean(p).lstrip() for p in pieces) if piece)
    assert clean(whole) == whole


@given(ANYTHING)
def test_a_line_is_one_line(text: str) -> None:
    line = clean_line(text, 50)
    assert len(line) <= 50
    assert line == line.strip()
    assert "\n" not in line
    assert clean_line(line, 50) == line


def test_a_tower_of_accents_is_cut_and_takes_no_time() -> None:
    tower = "a" + "\u0316\u0301" * 500_000
    started = time.perf_counter()
    assert len(clean(tower)) < 40
    assert time.perf_counter() - started < 5


def test_metadata_becomes_json_whatever_it_holds() -> None:
    deep: object = "leaf"
    for _ in range(100):
        deep = [deep]
    cleaned = clean_json(
        {"a\0": float("nan"), "b": {1, 2}, "deep": deep, "t": ("x\ud800",), "n": None, "f": 1.5}
    )
    assert cleaned["a"] == "nan"
    assert cleaned["t"] == ["x\ufffd"]
    assert cleaned["f"] == 1.5
    json.dumps(cleaned, allow_nan=False).encode()
