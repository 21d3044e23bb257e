"""A follow-up becomes a question of its own: by the tenant's model, and by the rule where that fails."""

import threading

import pytest

from inference.catalogue import resolve
from inference.clients import shared
from inference.errors import Cancelled
from inference.models import Candidate, Model, ModelCall, Provider, Route
from inference.prompts import files
from inference.routing.breakers import Verdict
from orchestration import rewriting
from orchestration.answering import Question, answer
from orchestration.events import Completed
from tests.cast import Member
from tests.fakes import behaviours
from tests.fakes.behaviours import Behaviour
from tests.fakes.model_server import ModelServer
from tests.library import Library
from traces.models import Span

HISTORY = (
    ("user", "How many days of paid leave do employees get?"),
    ("assistant", "Employees get 25 days [1]."),
)
FOLLOW_UP = "And contractors?"
WHOLE = "Do contractors get paid leave?"
BY_RULE = f"{HISTORY[0][1]} {FOLLOW_UP}"
GOOD = "Contractors do not get paid leave [1]."


def asked(member: Member, text: str = FOLLOW_UP, **options: object) -> dict[str, object]:
    """The attributes of the search's span."""
    question = Question(text, history=HISTORY, **options)  # type: ignore[arg-type]
    *_, last = answer(question, member.principal)
    assert isinstance(last, Completed)
    with member.scope():
        found: dict[str, object] = Span.objects.get(
            trace_id=last.answer.trace_id, kind="retrieval"
        ).attributes
    return found


def searched(span: dict[str, object]) -> tuple[object, object]:
    return span["footnote.query.by"], span["footnote.query.searched"]


def test_a_model_writes_what_is_searched_and_the_trace_shows_both(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(f'"{WHOLE}"\n'), behaviours.answer(GOOD))
    span = asked(alice)
    assert searched(span) == ("model", WHOLE)
    assert (span["footnote.query"], span["footnote.query.rule"]) == (FOLLOW_UP, BY_RULE)
    first, second = (each.body for each in scripted.requests)
    assert first["messages"][-1]["content"].endswith(f"last question: {FOLLOW_UP}")
    assert "25 days" in first["messages"][-1]["content"]
    assert WHOLE not in str(second["messages"])


@pytest.mark.parametrize(
    "bad",
    [
        behaviours.failure(400),
        behaviours.answer("Two\nlines"),
        behaviours.answer("   "),
        behaviours.answer("long " * 400),
        behaviours.answer("Do contract", finish_reason="length"),
    ],
    ids=["refused", "lines", "blank", "long", "cut"],
)
def test_what_cannot_be_used_leaves_the_rule(
    alice: Member, scripted: ModelServer, bad: Behaviour
) -> None:
    scripted.script(bad, behaviours.answer(GOOD))
    assert searched(asked(alice)) == ("rule", BY_RULE)


def test_a_slow_model_is_not_waited_for_and_still_answers(
    alice: Member, scripted: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five time-outs running would open its breaker, and readers would get quotes instead of its answers."""
    monkeypatch.setattr(rewriting, "PATIENCE", 0.05)
    scripted.script(*[behaviours.hang()] * 5, behaviours.hang(), behaviours.answer(GOOD))
    question = Question(FOLLOW_UP, history=HISTORY)
    for _ in range(5):
        sought = rewriting.sought_for(question, alice.principal)
        assert (sought.by, sought.text) == ("rule", BY_RULE)
    assert searched(asked(alice)) == ("rule", BY_RULE)
    assert len(scripted.requests) == 7
    assert shared().breakers.asked(resolve(alice.principal, None)) is Verdict.YES


def test_a_reader_who_stops_is_obeyed(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.hang())
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(Cancelled):
        rewriting.sought_for(Question(FOLLOW_UP, history=HISTORY), alice.principal, stop=stop)


def test_a_question_that_stands_alone_costs_no_model(alice: Member, scripted: ModelServer) -> None:
    text = "Until when is the Zurich office open for visitors?"
    assert searched(asked(alice, text)) == ("asker", text)
    assert len(scripted.requests) <= 1


def test_the_built_in_model_rewrites_nothing(
    alice: Member, acme_library: Library, model_server: ModelServer
) -> None:
    assert searched(asked(alice)) == ("rule", BY_RULE)
    assert model_server.requests == []


def test_who_asks_the_built_in_model_sends_nothing_to_another(
    alice: Member, scripted: ModelServer
) -> None:
    assert searched(asked(alice, model="footnote/extractive")) == ("rule", BY_RULE)
    assert scripted.requests == []


def routed(member: Member, model: str) -> None:
    with member.scope():
        route = Route.objects.create(feature="rewrite")
        Candidate.objects.create(route=route, model=model)


def test_a_route_chooses_who_rewrites(alice: Member, scripted: ModelServer) -> None:
    with alice.scope():
        Model.objects.create(provider=Provider.objects.get(), name="small-model")
    routed(alice, "small-model")
    scripted.script(behaviours.answer(WHOLE), behaviours.answer(GOOD))
    assert searched(asked(alice)) == ("model", WHOLE)
    assert [each.body["model"] for each in scripted.requests] == ["small-model", "fake-model"]


def test_a_route_to_the_built_in_model_switches_it_off(
    alice: Member, scripted: ModelServer
) -> None:
    routed(alice, "footnote/extractive")
    scripted.script(behaviours.answer(GOOD))
    assert searched(asked(alice)) == ("rule", BY_RULE)
    assert len(scripted.requests) == 1


def test_the_same_conversation_is_rewritten_once_and_names_its_prompt(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(WHOLE), behaviours.answer(GOOD), behaviours.answer(GOOD))
    first = asked(alice, temperature=0.0)
    again = asked(alice, temperature=0.5)
    assert searched(first) == searched(again) == ("model", WHOLE)
    assert len(scripted.requests) == 3
    with alice.scope():
        rows = ModelCall.objects.filter(feature="rewrite").order_by("created_at")
        assert [row.cache for row in rows] == ["", "exact"]
        assert {row.prompt_version_id for row in rows} == {files.built_in_id("rewrite")}


def test_another_follow_up_is_rewritten_anew(alice: Member, scripted: ModelServer) -> None:
    scripted.script(*[behaviours.answer(WHOLE), behaviours.answer(GOOD)] * 2)
    asked(alice)
    asked(alice, "And interns?")
    assert sum("last question" in str(each.body) for each in scripted.requests) == 2


def test_the_built_in_model_quotes_what_the_follow_up_asks(
    alice: Member, acme_library: Library
) -> None:
    acme_library.add(
        "parts",
        kit=b"# Seal kits\n\nThe seal kit AX-4711/B fits the pump P-200. It replaces AX-4700 in all. "
        b"The order number of AX-4711/B is 88-1203. The kit weighs 120 grams.\n",
    )
    history = (("user", "Which pump does AX-4711/B fit?"), ("assistant", "The pump P-200 [1]."))
    *_, last = answer(Question("What is its order number?", history=history), alice.principal)  # type: ignore[arg-type]
    assert isinstance(last, Completed)
    assert last.answer.text == "The order number of AX-4711/B is 88-1203. [1]"
