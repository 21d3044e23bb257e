"""`bin/manage apply`: budgets, rate limits and prompts from a file."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from inference.declarations import applying
from inference.declarations.kinds import Change
from inference.declarations.reading import BadDeclaration
from inference.models import Budget, PromptLabel, PromptVersion, RateLimit
from inference.prompts import files, versions
from inference.prompts.choosing import choose
from tenants.models import AuditEvent
from tests.cast import Member

BODY = files.built_in("answer").body
SHORT = BODY.replace("<<system>>\n", "<<system>>\nBe brief.\n", 1)
NEWER = BODY.replace("<<system>>\n", "<<system>>\nBe very brief.\n", 1)
USER = "0190f3c2-0000-7000-8000-000000000001"
BOUNDS = f"""\
budgets:
  - name: everybody
    limit_usd: 50
  - name: each person
    scope: user
    period: day
    limit_usd: 0.25
    at_limit: smaller
limits:
  - {{name: at once, measure: concurrent, amount: 8}}
  - name: one person
    scope: user
    subject: {USER}
    amount: 30
    seconds: 10
"""


def prompts(production: object = None, **more: object) -> str:
    return yaml.safe_dump({"prompts": {"answer": {"production": production, **more}}})


def applied(member: Member, text: str, **options: object) -> list[Change]:
    return applying.apply(text, member.principal, environ={}, **options)  # type: ignore[arg-type]


def told(changes: list[Change]) -> list[tuple[str, str, str]]:
    return [(one.verb, one.kind, one.name) for one in changes]


def test_a_person_may_be_named_by_an_address(alice: Member, bob: Member) -> None:
    text = BOUNDS.replace(USER, bob.user.email)
    applied(alice, text)
    assert applied(alice, text) == []
    with alice.scope():
        assert RateLimit.objects.get(name="one person").subject == str(bob.user.pk)


def test_budgets_and_limits_become_rows_and_the_second_time_nothing_changes(alice: Member) -> None:
    assert told(applied(alice, BOUNDS)) == [
        ("added", "budget", "everybody"),
        ("added", "budget", "each person"),
        ("added", "limit", "at once"),
        ("added", "limit", "one person"),
    ]
    with alice.scope():
        person = Budget.objects.get(name="each person")
        assert (person.limit_usd, person.scope, person.subject) == (Decimal("0.25"), "user", "")
        assert (person.period, person.at_limit) == ("day", "smaller")
        limit = RateLimit.objects.get(name="one person")
        assert (limit.subject, limit.measure, limit.amount, limit.seconds) == (
            USER,
            "requests",
            30,
            10,
        )
    assert applied(alice, BOUNDS) == []


def test_a_changed_amount_is_told_as_before_and_after(alice: Member) -> None:
    applied(alice, BOUNDS)
    changed = BOUNDS.replace("0.25", "0.5").replace("amount: 8", "amount: 4")
    budget, limit = applied(alice, changed)
    assert budget.fields == {"limit_usd": ("0.25", "0.5")}
    assert limit.fields == {"amount": ("8", "4")}


def test_pruning_removes_the_bounds_that_their_section_leaves_out(alice: Member) -> None:
    applied(alice, BOUNDS)
    less = yaml.safe_load(BOUNDS)
    del less["budgets"][1], less["limits"]
    assert applied(alice, yaml.safe_dump(less)) == []
    assert told(applied(alice, yaml.safe_dump(less), prune=True)) == [
        ("removed", "budget", "each person")
    ]
    with alice.scope():
        assert RateLimit.objects.count() == 2


def test_the_texts_of_a_prompt_become_versions_that_answer_and_stay_one(alice: Member) -> None:
    text = prompts({"text": SHORT, "note": "Shorter"}, canary={"text": NEWER, "percent": 100})
    assert told(applied(alice, text)) == [
        ("added", "prompt", "answer production"),
        ("added", "prompt", "answer canary"),
    ]
    assert applied(alice, text) == []
    with alice.scope():
        assert [row.body for row in versions.listed("answer")] == [NEWER, SHORT]
        assert choose("answer", sticky="x").used.version == "2"
        assert versions.current("answer").body == SHORT
        assert versions.current("answer").note == "Shorter"
        assert AuditEvent.objects.filter(action="prompt.labelled").count() == 2


def test_a_canary_left_out_ends_and_an_earlier_text_is_no_new_version(alice: Member) -> None:
    applied(alice, prompts({"text": SHORT}, canary={"text": NEWER, "percent": 10}))
    ended = applied(alice, prompts({"text": NEWER}))
    assert [dict(one.fields) for one in ended] == [
        {"version": ("version 1", "version 2")},
        {"version": ("version 2 (10 %)", "-")},
    ]
    back = applied(alice, prompts("built-in"))
    assert [dict(one.fields) for one in back] == [{"version": ("version 2", "built-in")}]
    assert applied(alice, prompts("built-in")) == []
    with alice.scope():
        assert PromptVersion.objects.count() == 2
        assert choose("answer", sticky="x").used.version == "built-in"


def test_pruning_takes_labels_and_leaves_versions(alice: Member) -> None:
    applied(alice, prompts({"text": SHORT}))
    assert applied(alice, "prompts: {}") == []
    assert told(applied(alice, "prompts: {}", prune=True)) == [
        ("removed", "prompt", "answer production")
    ]
    with alice.scope():
        assert not PromptLabel.objects.exists()
        assert PromptVersion.objects.count() == 1


def test_a_dry_run_of_everything_writes_nothing(alice: Member) -> None:
    text = BOUNDS + prompts({"text": SHORT})
    assert len(applied(alice, text, dry_run=True)) == 5
    with alice.scope():
        for model in (Budget, RateLimit, PromptVersion, PromptLabel):
            assert not model.objects.exists()


def test_what_is_exported_can_be_applied_elsewhere_and_is_the_same(
    alice: Member, charlie: Member
) -> None:
    canary = {"text": "built-in", "percent": 5}
    applied(alice, BOUNDS + prompts({"text": SHORT, "note": "Short"}, canary=canary))
    text = applying.export(alice.principal)
    assert applied(alice, text) == []
    applied(charlie, text, prune=True)
    assert applying.export(charlie.principal) == text


def test_the_file_in_the_documentation_applies(alice: Member) -> None:
    page = Path(__file__).parents[2] / "docs" / "routing.md"
    text = page.read_text().split("```yaml\n")[1].split("```")[0]
    environ = {"OPENAI_API_KEY": "sk-one", "COHERE_API_KEY": "two"}
    applying.apply(text, alice.principal, environ=environ)
    assert applying.apply(text, alice.principal, environ=environ) == []
    with alice.scope():
        assert Budget.objects.count() == 2
        assert PromptLabel.objects.get().percent == 10


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (("limit_usd: 50", "limit_usd: 0"), "line 3, budgets[0].limit_usd: expected an amount"),
        (("limit_usd: 50", "limit_usd: .nan"), "line 3, budgets[0].limit_usd: expected an amount"),
        (("limit_usd: 50", "limit: 50"), "line 3, budgets[0].limit: unknown; expected one of"),
        (
            ("period: day", "period: week"),
            "line 6, budgets[1].period: expected one of day, month, total, got 'week'",
        ),
        (("each person", "everybody"), "line 4, budgets[1].name: 'everybody' stands there twice"),
        (("amount: 8", "amount: 0.5"), "line 10, limits[0].amount: expected a whole number"),
        (("seconds: 10", "seconds: 0"), "line 15, limits[1].seconds: expected a whole number"),
        ((USER, "alice"), "line 13, limits[1].subject: There is no"),
        (("scope: user\n    sub", "sub"), "line 12, limits[1].subject: Leave this empty"),
        (("everybody", '"a\\0b"'), "line 2: a character that cannot be kept"),
    ],
    ids=lambda one: one[1] if isinstance(one, tuple) else "",
)
def test_a_wrong_bound_is_told_with_path_and_line_and_nothing_is_written(
    broken: tuple[str, str], expected: str, alice: Member
) -> None:
    with pytest.raises(BadDeclaration) as caught:
        applied(alice, BOUNDS.replace(*broken))
    assert any(one.startswith(expected) for one in caught.value.problems), caught.value.problems
    with alice.scope():
        assert not Budget.objects.exists()


@pytest.mark.parametrize(
    ("production", "more", "expected"),
    [
        ({"text": "Hello"}, {}, "prompts.answer.production.text: A prompt begins with"),
        ({"text": SHORT + "{{ pasages }}"}, {}, "prompts.answer.production.text: {{ pasages }}"),
        ("builtin", {}, "prompts.answer.production: expected built-in, or text:"),
        ("built-in", {"canary": {"text": SHORT}}, "prompts.answer.canary: percent is missing"),
        (
            "built-in",
            {"canary": {"text": SHORT, "percent": 101}},
            "prompts.answer.canary.percent: expected a whole number from 0 to 100",
        ),
    ],
    ids=str,
)
def test_a_wrong_prompt_is_told_with_its_path_and_no_budget_is_written(
    production: object, more: dict[str, object], expected: str, alice: Member
) -> None:
    with pytest.raises(BadDeclaration) as caught:
        applied(alice, BOUNDS + prompts(production, **more))
    assert any(expected in one for one in caught.value.problems), caught.value.problems
    with alice.scope():
        assert not Budget.objects.exists()
        assert not PromptVersion.objects.exists()
