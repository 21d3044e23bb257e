"""`bin/manage apply`: a file becomes configuration, once, or says on which line it is wrong."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from inference import encryption
from inference.declarations import applying
from inference.declarations.kinds import Change
from inference.declarations.reading import BadDeclaration
from inference.models import Candidate, Model, Provider, Route
from tenants.models import AuditEvent
from tests.cast import Member

SECRET = "sk-declared-and-never-shown"
ENVIRON = {"HOSTED_API_KEY": SECRET}
FILE = """\
providers:
  - name: hosted
    base_url: https://models.example/v1
    key: ${HOSTED_API_KEY}
    models:
      - name: swift
        tier: small
        context_window: 64000
        prices: {input: 0.1, output: 0.4}
      - name: wise
        tier: large
        vision: true
        default: true
  - name: ranks
    base_url: https://rank.example/v2
    protocol: cohere
    models:
      - {name: ranker, kind: rerank}
routes:
  chat:
    strategy: weighted
    tier: by_complexity
    complexity: {large_from: 4}
    candidates:
      - {model: swift, weight: 9}
      - hosted/wise
    fallbacks: [footnote/extractive]
  rerank:
    candidates: [ranker]
"""


def applied(member: Member, text: str, **options: object) -> list[Change]:
    return applying.apply(text, member.principal, environ=ENVIRON, **options)  # type: ignore[arg-type]


def problems(member: Member, text: str) -> list[str]:
    with pytest.raises(BadDeclaration) as caught:
        applied(member, text)
    return caught.value.problems


def test_a_file_becomes_rows_and_the_second_time_nothing_changes(alice: Member) -> None:
    changes = applied(alice, FILE)
    assert [(one.verb, one.kind, one.name) for one in changes if one.verb == "added"] == [
        ("added", "provider", "hosted"),
        ("added", "model", "swift"),
        ("added", "model", "wise"),
        ("added", "provider", "ranks"),
        ("added", "model", "ranker"),
        ("added", "route", "chat"),
        ("added", "route", "rerank"),
    ]
    with alice.scope():
        hosted = Provider.objects.get(name="hosted")
        assert encryption.decrypt(hosted.encrypted_key) == SECRET
        assert Model.objects.get(is_default=True).name == "wise"
        candidates = Candidate.objects.filter(route__feature="chat").order_by(
            "is_fallback", "position"
        )
        assert [(one.model, one.weight, one.is_fallback) for one in candidates] == [
            ("swift", 9, False),
            ("hosted/wise", 1, False),
            ("footnote/extractive", 1, True),
        ]
    assert applied(alice, FILE) == []


def test_a_key_is_never_shown_and_its_change_is(alice: Member) -> None:
    said = str(applied(alice, FILE))
    said += str(applying.apply(FILE, alice.principal, environ={"HOSTED_API_KEY": "sk-other"}))
    with alice.scope():
        said += str(list(AuditEvent.objects.values_list("details", flat=True)))
        key = encryption.decrypt(Provider.objects.get(name="hosted").encrypted_key)
    assert key == "sk-other"
    assert "(hidden)" in said
    assert SECRET not in said
    assert "sk-other" not in said


def test_a_dry_run_shows_the_same_and_writes_nothing(alice: Member) -> None:
    assert applied(alice, FILE, dry_run=True) == applied(alice, FILE, dry_run=True)
    with alice.scope():
        assert not Provider.objects.exists()
        assert not AuditEvent.objects.filter(action__startswith="provider").exists()
    assert len(applied(alice, FILE)) > 0


def test_a_difference_is_told_field_by_field(alice: Member) -> None:
    applied(alice, FILE)
    changed = FILE.replace("64000", "32000").replace("weight: 9", "weight: 1")
    model, route = applied(alice, changed)
    assert model.fields == {"context_window": ("64000", "32000")}
    assert route.fields["candidates"][0].startswith("swift (9), hosted/wise (1)")


def test_what_is_new_is_told_once_and_in_the_words_of_the_file(alice: Member) -> None:
    changes = applied(alice, FILE)
    told = {(one.kind, one.name): one for one in changes}
    assert len(told) == len(changes)
    assert told["provider", "hosted"].fields["key"] == ("(hidden)", "(set)")
    assert told["route", "chat"].verb == "added"
    assert told["route", "chat"].fields["candidates"][1].startswith("swift (9)")
    assert {"tier", "json", "default", "prices.input"} <= told["model", "swift"].fields.keys()


def test_only_pruning_removes_and_only_what_its_sections_leave_out(alice: Member) -> None:
    applied(alice, FILE)
    less = yaml.safe_load(FILE)
    del less["providers"][1], less["routes"]["rerank"], less["providers"][0]["models"][0]
    less["routes"]["chat"]["candidates"] = ["wise"]
    text = yaml.safe_dump(less)
    assert "removed" not in {one.verb for one in applied(alice, text)}
    assert [(one.kind, one.name) for one in applied(alice, text, prune=True)] == [
        ("model", "swift"),
        ("provider", "ranks"),
        ("route", "rerank"),
    ]
    only_routes = yaml.safe_dump({"routes": less["routes"]})
    assert applied(alice, only_routes, prune=True) == []


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (
            ("tier: small", "tier: tiny"),
            "line 7, providers[0].models[0].tier: expected one of small",
        ),
        (("tier: small", "teir: small"), "line 7, providers[0].models[0].teir: unknown; expected"),
        (("https://models", "ftp://models"), "line 3, providers[0].base_url: expected an address"),
        (
            ("    base_url: https://m", "    name2: https://m"),
            "line 2, providers[0]: base_url is missing",
        ),
        (
            ("64000", "many"),
            "line 8, providers[0].models[0].context_window: expected a whole number",
        ),
        (("  rerank:", "  chat:"), "line 28, routes.chat: stands there twice"),
        (("weight: 9", "weight: much"), "line 25, routes.chat.candidates[0]: expected a model's"),
        (("[ranker]", "[wise2]"), "line 29, routes.rerank.candidates[0]: There is no enabled"),
        (("large_from: 4", "large_from: 0"), "line 23, routes.chat.complexity: large_from: must"),
        (("providers:", "provider:"), "line 1, provider: unknown; expected one of"),
        (("${HOSTED_API_KEY}", "${NO_SUCH_KEY}"), "line 4, providers[0].key: the environment"),
        (("strategy: weighted", "strategy: ["), "line 23: expected"),
    ],
    ids=lambda one: one[1] if isinstance(one, tuple) else "",
)
def test_an_error_names_path_and_line_and_nothing_is_written(
    broken: tuple[str, str], expected: str, alice: Member
) -> None:
    found = problems(alice, FILE.replace(*broken))
    assert any(one.startswith(expected) for one in found), found
    with alice.scope():
        assert not Provider.objects.exists()
        assert not Route.objects.exists()


def test_a_key_in_the_file_itself_is_refused_and_not_repeated(alice: Member) -> None:
    (problem,) = problems(alice, FILE.replace("${HOSTED_API_KEY}", SECRET))
    assert problem.startswith("line 4, providers[0].key: a key is a reference")
    assert SECRET not in problem


@pytest.mark.parametrize("key", ["sk-1\r\nX-Other: 1", "schlüssel"])
def test_a_key_that_no_header_takes_is_refused_at_its_line(key: str, alice: Member) -> None:
    with pytest.raises(BadDeclaration) as caught:
        applying.apply(FILE, alice.principal, environ={"HOSTED_API_KEY": key})
    (problem,) = caught.value.problems
    assert problem.startswith("line 4, providers[0].key: the environment variable HOSTED_API_KEY")
    assert key not in problem
    with alice.scope():
        assert not Provider.objects.exists()


def test_what_is_exported_is_what_was_applied(alice: Member, charlie: Member) -> None:
    applied(alice, FILE)
    text = applying.export(alice.principal)
    assert SECRET not in text
    assert applied(alice, text) == []
    applied(charlie, text)
    assert applying.export(charlie.principal) == text


def test_another_tenants_rows_stay_as_they_are(alice: Member, charlie: Member) -> None:
    applied(charlie, FILE)
    applied(alice, "providers: []\nroutes: {}\n", prune=True)
    with charlie.scope():
        assert Provider.objects.count() == 2


def test_the_command_says_what_it_did(
    alice: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTED_API_KEY", SECRET)
    path = tmp_path / "footnote.yaml"
    path.write_text(f"tenant: {alice.tenant.slug}\n{FILE}")
    out = StringIO()
    call_command("apply", str(path), dry_run=True, stdout=out)
    call_command("apply", str(path), stdout=out)
    call_command("apply", str(path), stdout=out)
    said = out.getvalue()
    assert "+ provider hosted\n" in said
    assert "would change; nothing was written." in said
    assert said.rstrip().endswith("Nothing to change.")
    assert SECRET not in said
    path.write_text(f"tenant: {alice.tenant.slug}\n{FILE.replace('small', 'tiny')}")
    with pytest.raises(CommandError, match="line 8"):
        call_command("apply", str(path))
    path.write_text("routes: {}")
    with pytest.raises(CommandError, match="Which tenant"):
        call_command("apply", str(path))
