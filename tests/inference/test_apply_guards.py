"""Guards by a declaration file: what differs is set, shown before it is, and written out again."""

import pytest
import yaml

from inference.declarations.applying import apply, export
from inference.declarations.reading import BadDeclaration
from inference.guards import policies
from tests.cast import Member

FILE = """
guards:
  injection: block
  secrets: off
  links: {does: redact, allowed: [example.com, docs.example.org]}
  support: {does: warn, threshold: 0.4, judge: true}
"""


def test_a_file_sets_guards_once(alice: Member) -> None:
    changes = apply(FILE, alice.principal)
    assert {change.name for change in changes} == {"injection", "secrets", "links", "support"}
    with alice.scope():
        now = policies.read().settings
    assert now["secrets"].action == "off"
    assert now["support"].options == {"threshold": 0.4, "judge": True}
    assert apply(FILE, alice.principal) == []


def test_a_dry_run_shows_the_difference_and_writes_nothing(alice: Member) -> None:
    (change,) = apply("guards: {length: {does: block, most: 900}}", alice.principal, dry_run=True)
    assert change.fields == {"most": ("-", "900.0")}
    with alice.scope():
        assert policies.read() == policies.DEFAULTS
    assert policies.of(alice.principal) == policies.DEFAULTS


def test_what_is_exported_can_be_applied(alice: Member, charlie: Member) -> None:
    apply(FILE, alice.principal)
    told = export(alice.principal)
    assert yaml.safe_load(told)["guards"]["secrets"] == "off"
    apply(told, charlie.principal)
    assert export(charlie.principal) == told


def test_pruning_brings_back_the_defaults(alice: Member) -> None:
    apply(FILE, alice.principal)
    apply("guards: {injection: block}", alice.principal, prune=True)
    assert yaml.safe_load(export(alice.principal)) == {"guards": {"injection": "block"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guards: {smell: warn}", "line 1, guards.smell: unknown; expected one of"),
        ("guards:\n  length: redact", "line 2, guards.length: expected one of off, warn, block"),
        (
            "guards:\n  links: {does: warn, allowed: [https://a.example/]}",
            "names such as example.com",
        ),
        ("guards:\n  length: {does: warn, most: 3}", "A number from 100 to"),
    ],
    ids=["unknown", "action", "host", "number"],
)
def test_a_mistake_is_told_with_its_place(text: str, said: str, alice: Member) -> None:
    with pytest.raises(BadDeclaration) as error:
        apply(text, alice.principal)
    assert said in str(error.value)
