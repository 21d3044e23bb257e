"""The tree of a conversation's messages, read as the one path that a reader sees.

Editing a question or regenerating an answer adds a sibling. ``path(messages, at)`` follows the newest sibling at each
fork, except where ``at`` (a message's id) says to go through another. Pure functions over loaded messages.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from chat.models import Message


@dataclass(frozen=True)
class Step:
    """A message on the path, and the siblings (itself among them) that could stand in its place."""

    message: Message
    siblings: tuple[UUID, ...]

    @property
    def position(self) -> int:
        """Which of its siblings the message is, from 1."""
        return self.siblings.index(self.message.pk) + 1

    @property
    def previous(self) -> UUID | None:
        """The sibling before this one."""
        return self.siblings[self.position - 2] if self.position > 1 else None

    @property
    def following(self) -> UUID | None:
        """The sibling after this one."""
        return self.siblings[self.position] if self.position < len(self.siblings) else None


def path(messages: Iterable[Message], at: UUID | None = None) -> list[Step]:
    """The messages from the first to a leaf, through ``at`` if it is one of them."""
    replies: dict[UUID | None, list[Message]] = defaultdict(list)
    parents: dict[UUID, UUID | None] = {}
    for message in sorted(messages, key=lambda message: message.pk):
        replies[message.parent_id].append(message)
        parents[message.pk] = message.parent_id
    wanted = _ancestry(at, parents)
    steps: list[Step] = []
    parent: UUID | None = None
    while siblings := replies[parent]:
        chosen = next((each for each in siblings if each.pk in wanted), siblings[-1])
        steps.append(Step(chosen, tuple(each.pk for each in siblings)))
        parent = chosen.pk
    return steps


def _ancestry(at: UUID | None, parents: dict[UUID, UUID | None]) -> set[UUID]:
    found: set[UUID] = set()
    while at is not None and at in parents:
        found.add(at)
        at = parents[at]
    return found
