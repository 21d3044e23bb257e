"""A conversation's tree is read as one path."""

from uuid import UUID

from chat.models import Message
from chat.tree import path


def message(number: int, parent: int | None = None) -> Message:
    return Message(
        id=UUID(int=number),
        parent_id=None if parent is None else UUID(int=parent),
        text=str(number),
    )


def numbers(messages: list[Message], at: int | None = None) -> list[int]:
    through = None if at is None else UUID(int=at)
    return [step.message.pk.int for step in path(messages, through)]


# 1 asks, 2 and 3 answer it; 4 goes on after 2, 5 after 3; 6 is 1 asked differently.
FORKED = [message(1), message(2, 1), message(3, 1), message(4, 2), message(5, 3), message(6)]


def test_an_empty_conversation_has_no_path() -> None:
    assert numbers([]) == []


def test_the_newest_branch_is_shown() -> None:
    assert numbers(FORKED[:5]) == [1, 3, 5]
    assert numbers(FORKED) == [6]


def test_a_path_goes_through_the_message_that_is_asked_for() -> None:
    assert numbers(FORKED, at=2) == [1, 2, 4]
    assert numbers(FORKED, at=1) == [1, 3, 5]


def test_a_message_of_another_conversation_changes_nothing() -> None:
    assert numbers(FORKED, at=99) == [6]


def test_a_step_knows_its_siblings() -> None:
    first, second = path(FORKED[:5])[0], path(FORKED[:5])[1]
    assert (first.position, first.previous, first.following) == (1, None, None)
    assert (second.position, second.previous, second.following) == (2, UUID(int=2), None)
