"""From a question to a cited answer, with a scripted model on a real socket, and what is left behind each time."""

import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest

from inference.models import Model, ModelCall, Provider
from ingestion.models import Collection, DocumentVersion
from orchestration import evidence
from orchestration.answering import Question, answer
from orchestration.events import (
    Completed,
    Event,
    Failed,
    Found,
    Searching,
    Stopped,
    TextDelta,
    Writing,
)
from orchestration.prompts import NO_ANSWER
from tests.cast import Member
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Library
from traces.models import Span, Trace

ASKED = "How many days of paid leave do employees get?"


def asked(member: Member, text: str = ASKED, **options: object) -> list[Event]:
    return list(answer(Question(text, **options), member.principal))  # type: ignore[arg-type]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def left_behind(member: Member) -> tuple[Trace, dict[str, Span]]:
    """The one trace, and its spans by kind."""
    with member.scope():
        trace = Trace.objects.get()
        spans = Span.objects.filter(trace_id=trace.trace_id)
        return trace, {span.kind: span for span in spans}


def test_the_events_come_in_order(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.answer("Employees get 25 days of paid leave [1]."))
    events = asked(alice)
    kinds = [type(event) for event in events]
    assert kinds[:3] == [Searching, Found, Writing]
    assert set(kinds[3:-1]) == {TextDelta}
    assert kinds[-1] is Completed


def test_the_answer_is_cited_and_supported(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.answer("Employees get 25 days of paid leave a year [1][9]."))
    events = asked(alice)
    whole = events[-1]
    assert isinstance(whole, Completed)
    told = whole.answer
    assert told.text == text_of(events) == "Employees get 25 days of paid leave a year [1]."
    assert (told.answered, told.support, told.model) == (True, 1.0, "fake-model")
    (citation,) = told.citations
    assert (citation.title, citation.external_id) == ("Leave", "leave.md")
    assert citation.quote == "Employees get 25 days of paid leave a year."
    with alice.scope():
        version = DocumentVersion.objects.get(pk=citation.version_id)
    assert version.text[citation.span_start : citation.span_end] == citation.quote
    assert (told.input_tokens, told.output_tokens) == (100, 10)
    assert told.cost_usd > 0


def test_the_trace_tells_the_whole_story(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.answer("Employees get 25 days of paid leave a year [1][9]."))
    (*_, whole) = asked(alice, feature="chat")
    trace, spans = left_behind(alice)
    assert isinstance(whole, Completed)
    assert whole.answer.trace_id == trace.trace_id
    assert (trace.question, trace.answer, trace.outcome) == (ASKED, whole.answer.text, "ok")
    assert (trace.feature, trace.model, trace.user_id) == ("chat", "fake-model", alice.user.pk)
    assert trace.cost_usd == whole.answer.cost_usd
    assert spans.keys() == {"root", "cache", "retrieval", "embedding", "model", "check"}
    first = spans["retrieval"].attributes["footnote.passages"][0]
    assert first["title"] == "Leave"
    assert first["lexical_rank"] == 1
    assert ASKED in spans["model"].attributes["gen_ai.input.messages"][-1]["content"]
    assert spans["check"].attributes["footnote.citations.invented"] == 1


def test_the_ledger_s_row_belongs_to_the_trace(alice: Member, scripted: ModelServer) -> None:
    asked(alice)
    trace, spans = left_behind(alice)
    with alice.scope():
        row = ModelCall.objects.get(operation="chat")
    assert (row.trace_id, row.span_id) == (trace.trace_id, spans["model"].span_id)
    assert (row.model, row.outcome, row.feature) == ("fake-model", "ok", "chat")


def test_the_ledger_knows_the_conversation_and_the_collections(
    alice: Member, scripted: ModelServer
) -> None:
    conversation = uuid4()
    asked(alice, conversation_id=conversation)
    with alice.scope():
        row = ModelCall.objects.get(operation="chat")
        first = Collection.objects.get(slug="handbook")
    assert row.conversation_id == conversation
    assert first.pk in row.collections
    assert len(set(row.collections)) == len(row.collections)


def test_the_prompt_holds_the_passages_of_the_asked_collections_only(
    alice: Member, acme_library: Library, scripted: ModelServer
) -> None:
    acme_library.add("secrets", salaries=b"# Pay\n\nPaid leave costs 4711 francs a day.\n")
    handbook = acme_library.collections["handbook"]
    asked(alice, collection_ids=(handbook.pk,))
    prompt = scripted.requests[0].body["messages"][-1]["content"]
    assert "25 days" in prompt
    assert "4711" not in prompt


def test_a_model_that_finds_nothing_becomes_an_honest_refusal(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(NO_ANSWER))
    events = asked(alice)
    whole = events[-1]
    assert isinstance(whole, Completed)
    assert whole.answer.answered is False
    assert whole.answer.text == text_of(events)
    assert "Handbook" in whole.answer.text
    assert NO_ANSWER not in whole.answer.text
    assert whole.answer.nearest[0].title == "Leave"


def test_an_answer_without_a_single_citation_is_no_answer(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer("Everybody knows that it is 25 days."))
    whole = asked(alice)[-1]
    assert isinstance(whole, Completed)
    assert (whole.answer.answered, whole.answer.support) == (False, 0.0)


def test_without_documents_no_model_is_asked(charlie: Member, model_server: ModelServer) -> None:
    events = asked(charlie)
    whole = events[-1]
    assert isinstance(whole, Completed)
    assert whole.answer.answered is False
    assert not any(isinstance(event, Writing) for event in events)
    assert model_server.requests == []
    trace, _ = left_behind(charlie)
    assert (trace.outcome, trace.answer) == ("ok", whole.answer.text)


def test_without_a_language_model_sentences_are_quoted(
    alice: Member, acme_library: Library
) -> None:
    whole = asked(alice)[-1]
    assert isinstance(whole, Completed)
    assert whole.answer.model == "footnote/extractive"
    assert whole.answer.citations[0].quote == "Employees get 25 days of paid leave a year."


def test_another_tenant_is_answered_from_its_own_documents_alone(
    charlie: Member, acme_library: Library
) -> None:
    whole = asked(charlie)[-1]
    assert isinstance(whole, Completed)
    assert whole.answer.answered is False
    assert whole.answer.nearest == ()


BROKEN = {
    "early_close": behaviours.early_close(),
    "reset": behaviours.reset(),
    "malformed": behaviours.malformed(),
    "error_event": behaviours.error_event(),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_answer_that_breaks_off_is_never_whole(
    kind: str, alice: Member, scripted: ModelServer
) -> None:
    scripted.script(BROKEN[kind])
    events = asked(alice)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert not any(isinstance(event, Completed) for event in events)
    assert (failed.code, failed.retryable) == ("stream_broken", True)
    assert failed.partial.startswith("The handbook")
    assert "127.0.0.1" not in failed.message
    trace, _ = left_behind(alice)
    assert (trace.outcome, trace.answer, trace.trace_id) == (
        "error",
        failed.partial,
        failed.trace_id,
    )


def test_a_named_model_that_refuses_is_a_failure(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.failure(401))
    failed = asked(alice, model="fake-model")[-1]
    assert isinstance(failed, Failed)
    assert (failed.code, failed.retryable) == ("bad_credentials", False)


def test_the_default_model_that_refuses_is_stood_in_for(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.failure(401))
    whole = asked(alice)[-1]
    assert isinstance(whole, Completed)
    assert whole.answer.model == "footnote/extractive"
    assert whole.answer.degraded == "fake-model: bad_credentials"


def test_an_unknown_model_is_a_failure(alice: Member, acme_library: Library) -> None:
    failed = asked(alice, model="no-such-model")[-1]
    assert isinstance(failed, Failed)
    assert failed.code == "unknown_model"


def test_a_question_that_cannot_be_searched_is_a_failure(
    alice: Member, acme_library: Library
) -> None:
    failed = asked(alice, text="x" * 9000)[-1]
    assert isinstance(failed, Failed)
    assert failed.code == "search_refused"
    assert "8000" in failed.message


def test_stopping_ends_the_answer_and_the_provider_s_work(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.slow_drip("word " * 200, delay=0.05))
    stop = threading.Event()
    events: list[Event] = []
    for event in answer(Question(ASKED), alice.principal, stop=stop):
        events.append(event)
        if isinstance(event, TextDelta):
            stop.set()
    assert isinstance(events[-1], Stopped)
    assert events[-1].partial == text_of(events)
    scripted.wait_for("disconnected_at", seconds=2)
    assert left_behind(alice)[0].outcome == "cancelled"


def test_a_caller_that_goes_away_leaves_a_trace(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.slow_drip("word " * 200, delay=0.05))
    events = answer(Question(ASKED), alice.principal)
    _until_text(events)
    events.close()  # type: ignore[attr-defined]
    scripted.wait_for("disconnected_at", seconds=2)
    trace, _ = left_behind(alice)
    assert (trace.outcome, trace.answer) == ("cancelled", "word")
    with alice.scope():
        assert ModelCall.objects.get(operation="chat").outcome == "cancelled"


def _until_text(events: Iterator[Event]) -> None:
    while not isinstance(next(events), TextDelta):
        pass


RERANKED = "Which approval do travel expenses above 500 EUR need by the finance lead?"


def with_reranker(member: Member, server: ModelServer) -> None:
    with member.scope():
        provider = Provider.objects.create(name="r", base_url=server.base_url, protocol="cohere")
        Model.objects.create(provider=provider, name="ranker", kind=Model.Kind.RERANK)


def test_the_tenants_reranker_orders_what_is_answered_from(
    alice: Member, acme_library: Library, model_server: ModelServer
) -> None:
    with_reranker(alice, model_server)
    (*_, whole) = asked(alice, RERANKED, feature="ask")
    assert isinstance(whole, Completed)
    assert whole.answer.answered
    assert "rerank" not in whole.answer.degraded
    _, spans = left_behind(alice)
    passages = spans["retrieval"].attributes["footnote.passages"]
    scores = [one["rerank_score"] for one in passages]
    assert scores == sorted(scores, reverse=True) != []
    assert {one["rank_before"] for one in passages} == set(range(1, len(passages) + 1))
    with alice.scope():
        assert ModelCall.objects.get(operation="rerank").feature == "ask"


def test_a_reranker_that_fails_or_hangs_leaves_the_search_s_order(
    alice: Member,
    acme_library: Library,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_reranker(alice, model_server)
    monkeypatch.setattr(evidence, "RERANK_PATIENCE", 0.3)
    model_server.script(behaviours.hang())
    (*_, whole) = asked(alice, RERANKED)
    assert isinstance(whole, Completed)
    assert whole.answer.answered
    assert "The order is that of the search." in whole.answer.degraded
    _, spans = left_behind(alice)
    told = spans["retrieval"].attributes
    assert any("rerank:" in reason for reason in told["footnote.degraded"])
    assert [one["rank"] for one in told["footnote.passages"]] == [1, 2, 3][
        : len(told["footnote.passages"])
    ]
    assert {one["rerank_score"] for one in told["footnote.passages"]} == {None}
