"""Answers from the cache: the same request again, and never to the wrong reader or after a change."""

import pytest
from pytest_django import Settings

from inference.caching import entries
from inference.models import (
    CacheEntry,
    CachePolicy,
    Model,
    ModelCall,
)
from inference.prompts import files, versions
from orchestration import answering
from orchestration.events import Answer, Completed
from orchestration.questions import Question
from tenants.scope import Principal
from tests.cast import Member
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Library

ASKED = "How many days of paid leave do employees get?"


def ask(principal: Principal, text: str = ASKED, **options: object) -> Answer:
    *_, last = answering.answer(Question(text, **options), principal)  # type: ignore[arg-type]
    assert isinstance(last, Completed), last
    return last.answer


def test_the_same_question_is_answered_from_the_cache(
    alice: Member, bob: Member, acme_library: Library
) -> None:
    first = ask(alice.principal)
    again = ask(bob.principal, f"  {ASKED} ")
    assert (first.cached, again.cached) == (False, True)
    assert (again.text, again.citations, again.sentences) == (
        first.text,
        first.citations,
        first.sentences,
    )
    assert again.trace_id not in ("", first.trace_id)
    with alice.scope():
        rows = ModelCall.objects.filter(operation="chat").order_by("created_at")
        assert [row.cache for row in rows] == ["", "exact"]
        assert rows[1].trace_id == again.trace_id
        assert rows[1].user_id == bob.user.pk
        assert CacheEntry.objects.get().hits == 1


def test_a_fresh_answer_passes_the_cache_by(alice: Member, acme_library: Library) -> None:
    ask(alice.principal)
    assert not ask(alice.principal, fresh=True).cached


@pytest.mark.parametrize(
    "options",
    [
        {"model": "footnote/extractive"},
        {"instructions": "In rhyme."},
        {"temperature": 0.5},
        {"max_tokens": 500},
        {"feature": "api.ask"},
        {"history": (("user", "Hello?"),)},
    ],
)
def test_whatever_is_asked_differently_is_answered_anew(
    alice: Member, acme_library: Library, options: dict[str, object]
) -> None:
    ask(alice.principal)
    if "model" in options:
        options = {"model": "footnote/extractive", "temperature": 1.0}
    assert not ask(alice.principal, **options).cached


@pytest.mark.parametrize("changed", ["address", "window", "expansion"])
def test_what_answers_under_the_same_name_after_a_change_is_asked_anew(
    alice: Member,
    scripted: ModelServer,
    settings: Settings,
    changed: str,
) -> None:
    scripted.default = behaviours.answer("Employees get 25 days of paid leave [1].")
    with ModelServer() as other:
        other.default = behaviours.answer("Employees get 25 days [1].")
        assert [ask(alice.principal).cached for _ in range(2)] == [False, True]
        with alice.scope():
            model = Model.objects.select_related("provider").get()
            if changed == "address":
                model.provider.base_url = other.base_url
                model.provider.save()
            elif changed == "window":
                model.context_window = 2_000
                model.save()
            else:
                settings.SEARCH_EXPAND = "parts"
        told = ask(alice.principal)
        assert not told.cached
        assert len(other.requests) == (changed == "address")
        assert ask(alice.principal).cached


def test_a_new_document_makes_every_answer_new(alice: Member, acme_library: Library) -> None:
    ask(alice.principal)
    acme_library.add(
        "handbook", more=b"# Sabbatical\n\nEmployees get 3 days of volunteering leave a year.\n"
    )
    assert not ask(alice.principal).cached
    assert ask(alice.principal).cached


def test_another_version_of_the_prompt_makes_it_new(alice: Member, acme_library: Library) -> None:
    ask(alice.principal)
    with alice.scope():
        other = files.built_in("answer")
        row, _ = versions.add(
            files.checked("answer", other.body + "\nBriefly.", list(other.variables))
        )
        versions.label(prompt="answer", name="production", version=row)
    assert not ask(alice.principal).cached
    with alice.scope():
        versions.label(prompt="answer", name="production", version=None)
    assert ask(alice.principal).cached


def test_a_refusal_is_not_kept(alice: Member, acme_library: Library) -> None:
    for _ in range(2):
        assert not ask(alice.principal, "What is the orbital period of Jupiter?").cached
    with alice.scope():
        assert not CacheEntry.objects.exists()


def test_a_policy_turns_it_off(alice: Member, acme_library: Library) -> None:
    with alice.scope():
        CachePolicy.objects.create(feature="chat", exact=False)
    ask(alice.principal)
    assert not ask(alice.principal).cached


def test_an_answer_is_kept_only_for_so_long(alice: Member, acme_library: Library) -> None:
    ask(alice.principal)
    with alice.scope():
        CacheEntry.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert not ask(alice.principal).cached


def test_the_least_used_go_when_there_are_too_many(alice: Member, acme_library: Library) -> None:
    with alice.scope():
        CachePolicy.objects.create(feature="chat", most=2)
    places = ("Zurich office close", "Berlin office close")
    for words in places:
        ask(alice.principal, f"When does the {words}?")
    assert ask(alice.principal, "When does the Zurich office close?").cached
    ask(alice.principal)
    with alice.scope():
        kept = set(CacheEntry.objects.values_list("question", flat=True))
    assert kept == {ASKED, "When does the Zurich office close?"}


def test_in_other_words_only_where_the_policy_says_so(alice: Member, acme_library: Library) -> None:
    other = "How many days of paid leave do employees get a year?"
    ask(alice.principal)
    assert not ask(alice.principal, other).cached
    with alice.scope():
        entries.clear()
        CachePolicy.objects.create(feature="chat", semantic=True, threshold=0.85)
    ask(alice.principal)
    assert ask(alice.principal, other).cached
    for differing in (
        "How many days of paid leave do employees not get?",
        "How many days of paid leave do 2 employees get?",
        "How many days of paid leave do employees of Globex get?",
    ):
        assert not ask(alice.principal, differing).cached
