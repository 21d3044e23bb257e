"""Commands on turns: ask, edit, regenerate, stop, rate. Each is atomic, in the open tenant scope.

``start``, ``edit`` and ``regenerate`` store the question and an answer in state ``streaming``; when that is committed,
``chat.writing`` writes the answer in a thread of its own, whatever becomes of the request. An answer whose writer died
has an old heartbeat: ``settle_abandoned`` marks it ``incomplete`` before anybody is shown it as whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from chat import conversations, live, writing
from chat.models import Conversation, Message, MessageEvent
from ingestion.cleaning import clean, clean_line
from ingestion.models import Collection
from tenants.scope import Principal
from traces.models import Feedback

LONGEST_QUESTION = 8000
TITLE_CHARACTERS = 80
# A writer says every two seconds that it lives (``writing.PULSE_SECONDS``).
ABANDONED_AFTER = timedelta(seconds=15)

State = Message.State


@dataclass(frozen=True)
class Turn:
    """A question and the answer that is being written."""

    question: Message
    answer: Message


@transaction.atomic
def open_conversation(
    *, text: str, collection_ids: Sequence[UUID], by: Principal, attachments_id: UUID | None = None
) -> Turn:
    """A new conversation with its first question, perhaps about attached files. Raises ValidationError."""
    question = checked_question(text)
    conversation = Conversation.objects.create(
        tenant_id=by.tenant_id,
        user_id=conversations.person(by),
        title=title_of(question),
        attachments_id=attachments_id,
    )
    return start(conversation=conversation, text=question, collection_ids=collection_ids, by=by)


@transaction.atomic
def start(
    *,
    conversation: Conversation,
    text: str,
    collection_ids: Sequence[UUID],
    by: Principal,
    parent: Message | None = None,
) -> Turn:
    """Ask in a conversation, after ``parent`` (None: at its root). Raises ValidationError naming the field.

    An empty ``collection_ids`` asks all collections that the person may read.
    """
    question = checked_question(text)
    chosen = checked_collections(collection_ids)
    if parent is not None and parent.state == State.STREAMING:
        raise ValidationError(
            {"text": _("The answer above is still being written. Stop it or wait for it.")}
        )
    conversation.collection_ids = chosen
    conversation.save(update_fields=["collection_ids", "attachments_id", "updated_at"])
    asked = Message.objects.create(
        tenant_id=by.tenant_id,
        conversation=conversation,
        parent=parent,
        author=Message.Author.USER,
        text=question,
        details={"collection_ids": [str(each) for each in chosen]},
    )
    return Turn(asked, _begin_answer(asked, by))


@transaction.atomic
def edit(*, question: Message, text: str, by: Principal) -> Turn:
    """Ask the same place in the conversation something else; the old question and its answers stay."""
    _must_be(question, Message.Author.USER)
    return start(
        conversation=question.conversation,
        text=text,
        collection_ids=collections_of(question),
        by=by,
        parent=question.parent,
    )


@transaction.atomic
def regenerate(*, answer: Message, by: Principal, model: str = "") -> Message:
    """Another answer to the same question, never from the cache; the old one stays beside it."""
    _must_be(answer, Message.Author.ASSISTANT)
    answer.conversation.save(update_fields=["updated_at"])
    assert answer.parent is not None
    return _begin_answer(answer.parent, by, model=model, fresh=True)


def stop(*, answer: Message) -> bool:
    """Stop an answer wherever it is being written; False when it had ended already."""
    return _end_early(answer.pk, State.STOPPED, "")


def settle_abandoned(conversation_id: UUID) -> int:
    """Mark the answers of one conversation whose writer died; returns how many there were."""
    abandoned = Message.objects.filter(
        conversation_id=conversation_id,
        state=State.STREAMING,
        heartbeat_at__lt=Now() - ABANDONED_AFTER,
    )
    reason = _("The answer broke off because the server that wrote it went away.")
    return sum(
        _end_early(pk, State.INCOMPLETE, reason) for pk in abandoned.values_list("pk", flat=True)
    )


@transaction.atomic
def rate(*, answer: Message, score: int, comment: str, by: Principal) -> Feedback:
    """A thumb up (1) or down (-1) with an optional comment; a second one replaces the first. Raises ValidationError."""
    _must_be(answer, Message.Author.ASSISTANT)
    if score not in (1, -1):
        raise ValidationError({"score": _("The score must be 1 or -1.")})
    rating, _made = Feedback.objects.update_or_create(
        tenant_id=by.tenant_id,
        message_id=answer.pk,
        user_id=conversations.person(by),
        defaults={
            "trace_id": answer.trace_id,
            "score": score,
            "comment": clean(comment)[:2000],
        },
    )
    return rating


def checked_question(text: str) -> str:
    """The question as it is stored. Raises ValidationError."""
    question = clean(text).strip()
    if not question:
        raise ValidationError({"text": _("Write a question first.")})
    if len(question) > LONGEST_QUESTION:
        message = _("The question has %(length)d characters; at most %(most)d are allowed.")
        raise ValidationError(
            {"text": message % {"length": len(question), "most": LONGEST_QUESTION}}
        )
    return question


def checked_collections(collection_ids: Sequence[UUID]) -> list[UUID]:
    """The same ids without doubles. Raises ValidationError when one cannot be read."""
    wanted = list(dict.fromkeys(collection_ids))
    known = set(Collection.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    if not known.issuperset(wanted):
        raise ValidationError(
            {"collections": _("One of the collections does not exist any more. Reload the page.")}
        )
    return wanted


def collections_of(question: Message) -> list[UUID]:
    """Which collections a question was asked of; empty: all."""
    return [UUID(each) for each in question.details.get("collection_ids", [])]


def title_of(question: str) -> str:
    """A title from the first question, cut at a word."""
    line = clean_line(question, 10 * TITLE_CHARACTERS)
    if len(line) <= TITLE_CHARACTERS:
        return line
    return line[:TITLE_CHARACTERS].rsplit(" ", 1)[0] + "…"


def _must_be(message: Message, author: str) -> None:
    if message.author != author:
        raise ValidationError(_("That cannot be done with this message."))


def _begin_answer(
    question: Message, by: Principal, model: str = "", *, fresh: bool = False
) -> Message:
    answer = Message.objects.create(
        tenant_id=by.tenant_id,
        conversation_id=question.conversation_id,
        parent=question,
        author=Message.Author.ASSISTANT,
        state=State.STREAMING,
        heartbeat_at=Now(),
    )
    order = writing.Order(
        message_id=answer.pk,
        conversation_id=question.conversation_id,
        question_id=question.pk,
        model=model,
        fresh=fresh,
    )
    transaction.on_commit(lambda: writing.begin(order, by))
    return answer


def _end_early(message_id: UUID, state: str, reason: str) -> bool:
    """Conditional: whoever ends an answer first decides how it ended."""
    pieces = MessageEvent.objects.filter(message_id=message_id, kind="text").order_by("number")
    text = "".join(payload["text"] for payload in pieces.values_list("payload", flat=True))
    ended = Message.objects.filter(pk=message_id, state=State.STREAMING).update(
        state=state, text=text, reason=reason
    )
    if ended:
        transaction.on_commit(lambda: _tell(message_id))
    return bool(ended)


def _tell(message_id: UUID) -> None:
    live.stop(message_id)
    live.publish(message_id, None)
