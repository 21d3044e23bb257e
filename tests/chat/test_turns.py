"""Asking, stopping, asking again, editing, rating: what is stored, and that nothing half-done looks whole."""

import subprocess
import sys
import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from chat import conversations, live, tree, turns, writing
from chat.models import Citation, Conversation, Message, MessageEvent
from chat.turns import Turn
from tests.cast import Member
from tests.chat.conftest import ended, texts, until
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Library
from traces.models import Feedback, Trace

ASKED = "How many days of paid leave do employees get?"
GOOD = "Employees get 25 days of paid leave a year [1]."
SLOW = GOOD + " " + "and so on " * 200


def ask(member: Member, text: str = ASKED) -> Turn:
    with member.scope() as by:
        return turns.open_conversation(text=text, collection_ids=[], by=by)


def begun(member: Member) -> Turn:
    """A turn of which the first words have arrived."""
    turn = ask(member)
    until(lambda: bool(texts(turn.answer, member)))
    return turn


def test_a_question_is_answered_with_citations(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.answer(GOOD))
    answer = ended(ask(alice).answer, alice)
    assert (answer.state, answer.text, answer.answered, answer.support) == (
        "complete",
        GOOD,
        True,
        1.0,
    )
    assert (answer.model, answer.cost_usd > 0) == ("fake-model", True)
    with alice.scope():
        (citation,) = Citation.objects.filter(message_id=answer.pk)
        assert Trace.objects.get(trace_id=answer.trace_id).question == ASKED
        version = citation.chunk.version
        assert version.text[citation.span_start : citation.span_end] == citation.quote
    assert (citation.number, citation.title) == (1, "Leave")


def test_every_event_is_stored_in_order(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.slow_drip(GOOD, delay=0.03))
    answer = ended(ask(alice).answer, alice)
    with alice.scope():
        events = list(answer.events.order_by("number"))
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    kinds = [event.kind for event in events]
    assert kinds[:3] == ["searching", "found", "writing"]
    assert set(kinds[3:-1]) == {"text"}
    assert kinds[-1] == "completed"
    assert texts(answer, alice) == GOOD


def test_the_conversation_is_titled_by_its_first_question(
    alice: Member, scripted: ModelServer
) -> None:
    turn = ask(alice, "word " * 60)
    ended(turn.answer, alice)
    title = turn.question.conversation.title
    assert title.endswith("word…")
    assert len(title) <= 81


def test_a_follow_up_tells_the_model_what_was_said(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.answer(GOOD), behaviours.answer("No [1]."))
    first = ask(alice)
    answer = ended(first.answer, alice)
    with alice.scope() as by:
        second = turns.start(
            conversation=answer.conversation,
            text="And contractors?",
            collection_ids=[],
            by=by,
            parent=answer,
        )
    ended(second.answer, alice)
    said = [each["content"] for each in scripted.requests[-1].body["messages"]]
    assert any(ASKED in each for each in said)
    assert any("25 days" in each for each in said)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Write a question"),
        (" \x00\ufeff \n", "Write a question"),
        ("x" * 8001, "8001 characters"),
    ],
)
def test_what_is_no_question_is_refused(alice: Member, text: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        ask(alice, text)
    assert complaint in refusal.value.message_dict["text"][0]
    with alice.scope():
        assert not Conversation.objects.exists()


def test_a_collection_of_somebody_else_is_refused_like_one_that_is_not(
    alice: Member, charlie: Member, acme_library: Library
) -> None:
    said = []
    for collection_id in (acme_library.collections["handbook"].pk, uuid4()):
        with pytest.raises(ValidationError) as refusal, charlie.scope() as by:
            turns.open_conversation(text=ASKED, collection_ids=[collection_id], by=by)
        said.append(refusal.value.message_dict)
    assert said[0] == said[1]
    with charlie.scope():
        assert not Conversation.objects.exists()


def test_a_second_question_waits_for_the_first_answer(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.slow_drip(SLOW))
    turn = begun(alice)
    conversation, answer = turn.question.conversation, turn.answer
    with alice.scope() as by, pytest.raises(ValidationError, match="still being written"):
        turns.start(conversation=conversation, text="?", collection_ids=[], by=by, parent=answer)


# ---- stopping ------------------------------------------------------------------------------------


def test_stopping_keeps_what_was_written_and_ends_the_model_s_work(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.slow_drip(SLOW))
    turn = begun(alice)
    with alice.scope():
        assert turns.stop(answer=turn.answer) is True
    answer = ended(turn.answer, alice)
    assert answer.state == "stopped"
    assert answer.text
    assert SLOW.startswith(answer.text.split("[1]")[0])
    until(lambda: scripted.requests[0].disconnected_at is not None)
    with alice.scope():
        assert turns.stop(answer=answer) is False
        assert not Citation.objects.filter(message_id=answer.pk).exists()


def test_an_answer_that_another_process_stopped_ends_here(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.slow_drip(SLOW))
    turn = begun(alice)
    with alice.scope():
        Message.objects.filter(pk=turn.answer.pk).update(state="stopped", text="so far")
    writing.pulse()
    answer = ended(turn.answer, alice)
    assert answer.state == "stopped"
    until(lambda: scripted.requests[0].disconnected_at is not None)


def test_a_stop_beats_an_answer_that_completes_at_the_same_time(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(GOOD, first_delay=0.5))
    turn = ask(alice)
    with alice.scope():
        Message.objects.filter(pk=turn.answer.pk).update(state="stopped")
    assert ended(turn.answer, alice).state == "stopped"
    with alice.scope():
        assert not MessageEvent.objects.filter(message_id=turn.answer.pk, kind="completed").exists()


# ---- what breaks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [
        behaviours.early_close(),
        behaviours.reset(),
        behaviours.malformed(),
        behaviours.error_event(),
    ],
)
def test_a_provider_that_breaks_off_leaves_no_whole_answer(
    alice: Member, scripted: ModelServer, behaviour: behaviours.Behaviour
) -> None:
    scripted.default = behaviour
    answer = ended(ask(alice).answer, alice)
    assert (answer.state, answer.answered) == ("incomplete", None)
    assert answer.text
    assert answer.reason
    with alice.scope():
        assert not Citation.objects.filter(message_id=answer.pk).exists()


def test_a_provider_that_never_begins_is_replaced_and_the_answer_says_so(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.default = behaviours.failure(401)
    answer = ended(ask(alice).answer, alice)
    assert (answer.state, answer.model) == ("complete", "footnote/extractive")
    assert answer.details["degraded"]


KILLED = """
import os, sys, time
import django
django.setup()
from chat import writing
from orchestration import answering
from orchestration.events import Searching, TextDelta
def endless(question, principal, *, stop=None):
    yield Searching(())
    while True:
        time.sleep(0.02)
        yield TextDelta("word ")
answering.answer = endless
writing.answering.answer = endless
from uuid import UUID
from tenants.scope import Principal
tenant, conversation, question, answer = map(UUID, sys.argv[1:])
writing.begin(
    writing.Order(message_id=answer, conversation_id=conversation, question_id=question),
    Principal(tenant_id=tenant),
)
time.sleep(60)
"""


def orphan(member: Member) -> Turn:
    """A turn whose writer is another process."""
    with member.scope() as by:
        conversation = Conversation.objects.create(user=member.user, title="x")
        question = Message.objects.create(conversation=conversation, author="user", text=ASKED)
        answer = Message.objects.create(
            conversation=conversation,
            author="assistant",
            parent=question,
            state="streaming",
            heartbeat_at=timezone.now(),
        )
        assert by.tenant_id == conversation.tenant_id
    return Turn(question, answer)


def test_an_answer_whose_process_was_killed_is_never_whole(alice: Member) -> None:
    turn = orphan(alice)
    ids = [alice.tenant.pk, turn.question.conversation_id, turn.question.pk, turn.answer.pk]
    with subprocess.Popen([sys.executable, "-c", KILLED, *map(str, ids)]) as process:
        until(lambda: len(texts(turn.answer, alice)) > 30)
        process.kill()
    with alice.scope():
        assert turns.settle_abandoned(turn.answer.conversation_id) == 0, "it may still be alive"
        Message.objects.filter(pk=turn.answer.pk).update(
            heartbeat_at=timezone.now() - turns.ABANDONED_AFTER - timedelta(seconds=1)
        )
        assert turns.settle_abandoned(turn.answer.conversation_id) == 1
        answer = Message.objects.get(pk=turn.answer.pk)
    assert (answer.state, answer.answered) == ("incomplete", None)
    assert answer.text == texts(turn.answer, alice)
    assert "went away" in answer.reason


def test_a_living_writer_keeps_its_answer_alive(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.slow_drip(SLOW))
    turn = begun(alice)
    with alice.scope():
        Message.objects.filter(pk=turn.answer.pk).update(
            heartbeat_at=timezone.now() - timedelta(minutes=5)
        )
    writing.pulse()
    with alice.scope():
        assert turns.settle_abandoned(turn.answer.conversation_id) == 0
        assert Message.objects.get(pk=turn.answer.pk).state == "streaming"


def test_a_process_that_ends_says_so_at_once(alice: Member) -> None:
    turn = orphan(alice)
    live.open_answer(turn.answer.pk, alice.principal)
    try:
        writing.break_off()
    finally:
        live.close_answer(turn.answer.pk)
    with alice.scope():
        answer = Message.objects.get(pk=turn.answer.pk)
    assert (answer.state, "restarted" in answer.reason) == ("incomplete", True)


# ---- again, and differently ----------------------------------------------------------------------


def test_regenerating_keeps_both_answers(alice: Member, scripted: ModelServer) -> None:
    scripted.script(behaviours.answer(GOOD), behaviours.answer("25 days of paid leave [1]."))
    first = ended(ask(alice).answer, alice)
    with alice.scope() as by:
        again = turns.regenerate(answer=first, by=by)
    second = ended(again, alice)
    with alice.scope():
        messages = list(Message.objects.filter(conversation_id=first.conversation_id))
    assert tree.path(messages)[-1].message.pk == second.pk
    assert tree.path(messages, first.pk)[-1].message.pk == first.pk
    assert {each.text for each in messages} >= {GOOD, "25 days of paid leave [1]."}


def test_editing_a_question_keeps_both(alice: Member, scripted: ModelServer) -> None:
    first = ask(alice)
    ended(first.answer, alice)
    with alice.scope() as by:
        question = Message.objects.select_related("conversation").get(pk=first.question.pk)
        second = turns.edit(question=question, text="When does Zurich close?", by=by)
    ended(second.answer, alice)
    with alice.scope():
        messages = list(Message.objects.filter(conversation_id=question.conversation_id))
    assert tree.path(messages)[0].message.text == "When does Zurich close?"
    assert tree.path(messages, first.question.pk)[0].message.text == ASKED


def test_only_questions_are_edited_and_only_answers_rated(alice: Member) -> None:
    turn = orphan(alice)
    with alice.scope() as by:
        with pytest.raises(ValidationError):
            turns.edit(question=turn.answer, text="x", by=by)
        with pytest.raises(ValidationError):
            turns.regenerate(answer=turn.question, by=by)
        with pytest.raises(ValidationError):
            turns.rate(answer=turn.question, score=1, comment="", by=by)


def test_a_second_thumb_replaces_the_first(alice: Member) -> None:
    turn = orphan(alice)
    with alice.scope() as by:
        turns.rate(answer=turn.answer, score=1, comment="", by=by)
        turns.rate(answer=turn.answer, score=-1, comment="wrong\x00 page", by=by)
        (rating,) = Feedback.objects.filter(message_id=turn.answer.pk)
        assert (rating.score, rating.comment) == (-1, "wrong page")
        with pytest.raises(ValidationError):
            turns.rate(answer=turn.answer, score=5, comment="", by=by)


# ---- whole conversations -------------------------------------------------------------------------


def test_a_conversation_is_renamed_deleted_and_brought_back(alice: Member) -> None:
    conversation = orphan(alice).question.conversation
    with alice.scope() as by:
        conversations.rename(conversation=conversation, title="  Leave \x00 2026 ")
        assert conversations.get(conversation.pk, by).title == "Leave 2026"
        with pytest.raises(ValidationError):
            conversations.rename(conversation=conversation, title=" ")
        conversations.delete(conversation=conversation)
        with pytest.raises(conversations.Missing):
            conversations.get(conversation.pk, by)
        conversations.restore(conversation_id=conversation.pk, by=by)
        assert conversations.get(conversation.pk, by) == conversation


def test_conversations_are_found_by_what_was_said(alice: Member, bob: Member) -> None:
    turn = orphan(alice)
    with alice.scope() as by:
        assert [each.pk for each in conversations.matching("PAID leave", by)] == [
            turn.question.conversation_id
        ]
        assert not conversations.matching("unheard of", by)
    with bob.scope() as by:
        assert not conversations.matching("paid leave", by)


# ---- many at once --------------------------------------------------------------------------------


def test_many_answers_are_written_at_once_and_no_connection_is_kept(
    alice: Member, scripted: ModelServer
) -> None:
    scripted.default = behaviours.slow_drip(GOOD, delay=0.05)
    started = time.monotonic()
    asked = [ask(alice) for _ in range(12)]
    answers = [ended(turn.answer, alice) for turn in asked]
    assert {answer.state for answer in answers} == {"complete"}
    assert time.monotonic() - started < 12, "they were written one after the other"
    assert threading.active_count() < 60
    assert all(texts(answer, alice) == GOOD for answer in answers)
    connections.close_all()
