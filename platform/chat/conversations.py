"""A member's own conversations: the doors to them, and the commands on one as a whole.

Nobody but its member sees a conversation, administrators included; what is somebody else's does not exist here
(``Missing``, which the pages answer as 404). All run in the open tenant scope.
"""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.models import Conversation, Message
from ingestion.cleaning import clean_line
from tenants.scope import Principal

LONGEST_TITLE = 200
# The list shows this many; older ones are found by searching.
LISTED = 60


class Missing(LookupError):
    """There is no such conversation or message, as far as this person may know."""


def person(by: Principal) -> UUID:
    """Whose conversations these are. Raises Missing for a machine, which has none."""
    if by.user_id is None:
        raise Missing("a person")
    return by.user_id


def of(by: Principal) -> QuerySet[Conversation]:
    """The person's conversations that are not deleted, newest first. Uses index: conversation_newest."""
    return Conversation.objects.filter(user_id=person(by), deleted_at=None).order_by("-updated_at")


def get(conversation_id: UUID, by: Principal) -> Conversation:
    """One conversation of this person. Raises Missing."""
    found = of(by).filter(pk=conversation_id).first()
    if found is None:
        raise Missing(f"conversation {conversation_id}")
    return found


def message(message_id: UUID, by: Principal) -> Message:
    """One message in a conversation of this person, with its conversation. Raises Missing."""
    found = (
        Message.objects.filter(
            pk=message_id, conversation__user_id=person(by), conversation__deleted_at=None
        )
        .select_related("conversation")
        .first()
    )
    if found is None:
        raise Missing(f"message {message_id}")
    return found


def matching(words: str, by: Principal) -> QuerySet[Conversation]:
    """Those whose title or messages hold the words; all of them for no words."""
    words = clean_line(words, LONGEST_TITLE)
    found = of(by)
    if words:
        said = Message.objects.filter(conversation__user_id=person(by), text__icontains=words)
        found = found.filter(Q(title__icontains=words) | Q(pk__in=said.values("conversation_id")))
    return found[:LISTED]


def rename(*, conversation: Conversation, title: str) -> None:
    """Give it another title. Raises ValidationError for an empty one."""
    cleaned = clean_line(title, LONGEST_TITLE)
    if not cleaned:
        raise ValidationError({"title": _("A conversation needs a title.")})
    conversation.title = cleaned
    # Renaming is no activity: the conversation keeps its place in the list.
    Conversation.objects.filter(pk=conversation.pk).update(title=cleaned)


def delete(*, conversation: Conversation) -> None:
    """Put it out of sight; ``restore`` brings it back until retention deletes it for good."""
    Conversation.objects.filter(pk=conversation.pk).update(deleted_at=timezone.now())


def restore(*, conversation_id: UUID, by: Principal) -> tuple[Conversation, datetime | None]:
    """Undo ``delete``; also says when that was (None: it was not deleted). Raises Missing."""
    own = Conversation.objects.filter(pk=conversation_id, user_id=person(by))
    found = own.select_for_update().first()
    if found is None:
        raise Missing(f"conversation {conversation_id}")
    own.update(deleted_at=None)
    return get(conversation_id, by), found.deleted_at
