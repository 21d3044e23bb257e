"""A client's JSON schema: small, without recursion and patterns; checks never hang or crash."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference.guards import json_schema
from inference.guards.json_schema import NotThatJson

WIDE = {f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 20} for at in range(5)}
DEEP: dict[str, Any] = {}
for _ in range(100):
    DEEP = {"not": DEEP}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {"a": {"pattern": "(a+)+$"}}}, "pattern at #/properties/a"),
        ({"patternProperties": {"(a+)+$": True}}, "patternProperties at #"),
        ({"x": {"pattern": "a"}, "$ref": "#/x"}, "pattern at #/x"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties at #"),
        ({"$ref": "#"}, "leads back to #"),
        ({"x": 3, "$ref": "#/x"}, "leads nowhere"),
        ({"$ref": "other.json"}, "leads outside"),
        ({"$defs": WIDE | {"d5": {}}, "$ref": "#/$defs/d0"}, "stand for more than"),
        (DEEP, "levels deep"),
        ({"enum": list(range(501))}, "more than 500 items at #/enum"),
        ({"properties": {f"p{at}": {} for at in range(2001)}}, "more than 2000 parts"),
        ({"title": "a" * 70_000}, "longer than"),
        ({"multipleOf": "x"}, "is not of type"),
    ],
    ids=[
        "pattern",
        "pattern of names",
        "pattern behind a reference",
        "unevaluated",
        "recursion",
        "no schema there",
        "elsewhere",
        "exponential",
        "deep",
        "list",
        "parts",
        "long",
        "type",
    ],
)
def test_what_costs_too_much_to_check_is_refused_with_its_place(
    schema: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=r"^json_schema: ") as refused:
        json_schema.check(schema)
    assert why in str(refused.value)


def test_names_and_values_are_not_taken_for_keywords() -> None:
    json_schema.check(
        {
            "properties": {"pattern": {"type": "string"}, "a/b": {"$ref": "#/$defs/x~1y"}},
            "$defs": {"x/y": {"type": "integer"}},
            "default": {"pattern": "(a+)+$"},
        }
    )


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"multipleOf": 0.1}, "1" + "0" * 400),
        ({"x": {"type": "bogus"}, "$ref": "#/x"}, "1"),
        ({"type": "integer"}, '"\\ud800"'),
    ],
    ids=["overflow", "a type that is none", "half a pair of surrogates"],
)
def test_what_cannot_be_checked_is_no_answer(schema: dict[str, Any], text: str) -> None:
    json_schema.check(schema)
    with pytest.raises(NotThatJson) as refused:
        json_schema.read(text, schema)
    assert str(refused.value).encode()


def test_unique_items_are_compared_in_one_pass() -> None:
    schema = {"uniqueItems": True}
    # Compared in pairs these would take a quarter of an hour.
    many = json.dumps([{"a": at} for at in range(40_000)])
    assert len(json_schema.read(many, schema).value) == 40_000
    assert json_schema.read("[1, true, [1], [true]]", schema).value
    for twice in ("[1, 1.0]", '[{"a": [1]}, {"a": [1]}]'):
        with pytest.raises(NotThatJson, match="not unique"):
            json_schema.read(twice, schema)
