"""Writing an answer: a thread of the web process runs the answering flow and stores its events as they come.

The request that asked is not waited for, and its end does not end the answer. ``begin`` queues the work for a bounded
set of daemon threads; each event is stored in a short transaction of its own and then told to the streams of this
process (``live``). No connection is held between two events. While answers are being written, a pulse says so in the
database; a writer that is killed stops pulsing and its answer is never shown as whole.
"""

import atexit
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import psycopg_pool
from django.db import DatabaseError, connections
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from chat import attachments, live, tree
from chat.models import Conversation, Message
from chat.recording import Recording
from orchestration import answering
from orchestration.events import Event, Failed
from orchestration.questions import Author, Question
from tenants.scope import Principal, tenant_scope

log = logging.getLogger(__name__)

MOST_WRITERS = 64
PULSE_SECONDS = 2.0
# How much of the conversation a model is told.
HISTORY_MESSAGES = 20


@dataclass(frozen=True)
class Order:
    """An answer to write: to which question, and with which model (empty: the tenant's default).

    ``fresh``: not from the cache.
    """

    message_id: UUID
    conversation_id: UUID
    question_id: UUID
    model: str = ""
    fresh: bool = False


_orders: queue.SimpleQueue[tuple[Order, live.LiveAnswer]] = queue.SimpleQueue()
_lock = threading.Lock()
_writers = 0
_unfinished = 0
_pulsing = False


def begin(order: Order, by: Principal) -> None:
    """Queue an answer; it starts at once unless ``MOST_WRITERS`` others are being written."""
    global _unfinished, _writers
    answer = live.open_answer(order.message_id, by)
    with _lock:
        _start_pulse()
        _unfinished += 1
        if _writers < min(_unfinished, MOST_WRITERS):
            _writers += 1
            _start(_write_forever, f"answer-writer-{_writers}")
    _orders.put((order, answer))


def _start(work: Callable[[], None], name: str) -> None:
    # Daemons: a process that is told to end must not wait for a model.
    threading.Thread(target=work, name=name, daemon=True).start()


def _start_pulse() -> None:
    global _pulsing
    if not _pulsing:
        _pulsing = True
        _start(_pulse_forever, "answer-pulse")


def _write_forever() -> None:
    global _unfinished
    while True:
        write(*_orders.get())
        with _lock:
            _unfinished -= 1


def write(order: Order, answer: live.LiveAnswer) -> None:
    """Write one answer to its end, whatever that is. Raises nothing: nobody is there to catch it."""
    recording = Recording(answer)
    try:
        _consume(order, answer, recording)
    except Exception:  # the thread's last resort: the reader gets a state, the log the reason
        log.exception("answer %s failed", order.message_id)
        _fail(recording)
    finally:
        live.close_answer(order.message_id)
        connections.close_all()


def _consume(order: Order, answer: live.LiveAnswer, recording: Recording) -> None:
    question = _question(order, answer.principal)
    connections.close_all()
    events = answering.answer(question, answer.principal, stop=answer.stop)
    for event in events:
        recording.take(event)
        connections.close_all()


def _question(order: Order, principal: Principal) -> Question:
    with tenant_scope(principal):
        messages = list(Message.objects.filter(conversation_id=order.conversation_id))
        conversation = Conversation.objects.get(pk=order.conversation_id)
        asked = next(message for message in messages if message.pk == order.question_id)
        chosen = [UUID(each) for each in asked.details.get("collection_ids", [])]
        collection_ids = attachments.searched(conversation, chosen)
    steps = [step.message for step in tree.path(messages, order.question_id)]
    before = steps[: steps.index(asked)][-HISTORY_MESSAGES:]
    return Question(
        text=asked.text,
        collection_ids=collection_ids,
        history=tuple((_speaker(message), message.text) for message in before if message.text),
        model=order.model or None,
        feature="chat",
        conversation_id=order.conversation_id,
        fresh=order.fresh,
    )


def _speaker(message: Message) -> Author:
    return "user" if message.author == Message.Author.USER else "assistant"


def _fail(recording: Recording) -> None:
    failed: Event = Failed(
        code="internal_error",
        message=_("Something went wrong on our side. It has been logged; try again."),
        retryable=True,
        trace_id="",
        partial=recording.text,
    )
    try:
        recording.take(failed)
    except (DatabaseError, psycopg_pool.PoolTimeout):
        # The row stays ``streaming`` with a heartbeat that grows old: it will be settled as incomplete.
        log.warning("answer %s could not be marked as failed", recording.message_id)


def _pulse_forever() -> None:
    while True:
        time.sleep(PULSE_SECONDS)
        try:
            pulse()
        except (DatabaseError, psycopg_pool.PoolTimeout) as error:
            log.warning("no pulse: %s", error)
        finally:
            connections.close_all()


def pulse() -> None:
    """Say that this process's answers are alive, and stop those that were ended elsewhere. One update a tenant."""
    by_tenant: dict[UUID, list[live.LiveAnswer]] = defaultdict(list)
    for answer in live.answers():
        by_tenant[answer.principal.tenant_id].append(answer)
    for answers in by_tenant.values():
        with tenant_scope(answers[0].principal):
            ours = Message.objects.filter(
                pk__in=[answer.message_id for answer in answers], state=Message.State.STREAMING
            )
            alive = set(ours.values_list("pk", flat=True))
            ours.update(heartbeat_at=Now())
        for answer in answers:
            if answer.message_id not in alive:
                answer.stop.set()


def break_off() -> None:
    """The process ends: mark what it was writing at once instead of after the heartbeat's patience."""
    reason = _("The answer broke off because the server was restarted.")
    for answer in live.answers():
        with tenant_scope(answer.principal):
            Message.objects.filter(pk=answer.message_id, state=Message.State.STREAMING).update(
                state=Message.State.INCOMPLETE, reason=reason
            )


def _at_exit() -> None:
    try:
        break_off()
    except (DatabaseError, psycopg_pool.PoolTimeout) as error:
        log.warning("answers were not marked as broken off: %s", error)


atexit.register(_at_exit)
