"""Answers in JSON: slips of form are mended, what is valid is never changed, what was lost is never made up."""

from collections import Counter

import pytest

from benchmarks import broken_json
from inference.guards import json_schema
from inference.guards.json_slips import Unmendable, mended


def outcomes(kinds: dict[str, broken_json.Break]) -> Counter[tuple[str, str]]:
    told: Counter[tuple[str, str]] = Counter()
    for kind, text, value in broken_json.cases():
        if kind not in kinds:
            continue
        try:
            found = json_schema.read(text, {"type": "object"})
        except json_schema.NotThatJson:
            told[kind, "refused"] += 1
        else:
            told[kind, "right" if found.value == value else "wrong"] += 1
    return told


def test_what_is_valid_is_never_changed() -> None:
    assert {kind for _, kind in outcomes(broken_json.VALID)} == {"right"}


def test_slips_are_mended_and_never_to_another_value() -> None:
    told = outcomes(broken_json.SLIPS)
    assert not [kind for kind, outcome in told if outcome == "wrong"]
    assert sum(n for (_, outcome), n in told.items() if outcome == "right") > 0.95 * told.total()


def test_what_was_lost_is_never_made_up() -> None:
    assert {kind for _, kind in outcomes(broken_json.LOST)} == {"refused"}


@pytest.mark.parametrize(
    ("text", "value", "slips"),
    [
        ('{"a": 1,}', {"a": 1}, ("a comma too many",)),
        (
            "{'a': 'it's fine'}",
            {"a": "it's fine"},
            ("other quotes", "a bare quote or line break in a string"),
        ),
        ('{"a": .5, "b": +3}', {"a": 0.5, "b": 3}, ("a number in another form",)),
        ("So: [1, 2] // done", [1, 2], ("words or a fence around it",)),
    ],
    ids=["comma", "quotes", "numbers", "words"],
)
def test_each_slip_is_named(text: str, value: object, slips: tuple[str, ...]) -> None:
    assert mended(text) == (value, slips)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1', "cut off"),
        ('{"a": "x', "cut off within a string"),
        ('{"a": 1} {"b": 2}', "more than one value"),
        ('{"a": 1, a: 2}', "twice"),
        ("[1 000, 2]", "may be one"),
        ('{"a": 007}', "a number or a name"),
        ("No idea.", "no object"),
        ('{"a" 1}', "cut off within a string"),
        ('{"a": "\\u12"}', "incomplete"),
    ],
    ids=["object", "string", "two", "twice", "numbers", "zeros", "prose", "colon", "escape"],
)
def test_what_may_mean_two_things_is_not_mended(text: str, why: str) -> None:
    with pytest.raises(Unmendable, match=why):
        mended(text)
