"""The answers that this process is writing now: who listens to them, and the word to stop.

A stream that serves the same answer in the same process gets its events from here, in order and without a query; a
stream in another process reads the stored rows. ``pulse`` tells the database every ``PULSE_SECONDS`` that these
answers are alive, and learns from it which of them were stopped elsewhere.
"""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tenants.scope import Principal


@dataclass(frozen=True)
class Happening:
    """One stored event of an answer."""

    number: int
    kind: str
    payload: dict[str, Any]


@dataclass(eq=False)
class Listener:
    """A stream's ear. ``heard`` holds events that the stream has not taken yet; None means: look at the row."""

    loop: asyncio.AbstractEventLoop
    heard: asyncio.Queue[Happening | None] = field(default_factory=asyncio.Queue)

    def tell(self, happening: Happening | None) -> None:
        """Called from the writing thread."""
        try:
            self.loop.call_soon_threadsafe(self.heard.put_nowait, happening)
        except RuntimeError:
            # Its event loop is closed: the server is going down and nobody listens any more.
            return


@dataclass(eq=False)
class LiveAnswer:
    """An answer that is being written in this process."""

    message_id: UUID
    principal: Principal
    stop: threading.Event = field(default_factory=threading.Event)


_lock = threading.Lock()
_answers: dict[UUID, LiveAnswer] = {}
_listeners: dict[UUID, set[Listener]] = defaultdict(set)


def open_answer(message_id: UUID, principal: Principal) -> LiveAnswer:
    """Say that this process writes the answer."""
    answer = LiveAnswer(message_id, principal)
    with _lock:
        _answers[message_id] = answer
    return answer


def close_answer(message_id: UUID) -> None:
    """The answer is over and its row says how: streams look there."""
    with _lock:
        _answers.pop(message_id, None)
    publish(message_id, None)


def publish(message_id: UUID, happening: Happening | None) -> None:
    """Tell the streams of this process."""
    with _lock:
        listeners = tuple(_listeners.get(message_id, ()))
    for listener in listeners:
        listener.tell(happening)


def stop(message_id: UUID) -> None:
    """Stop the answer if this process writes it; for another process the row says so."""
    with _lock:
        answer = _answers.get(message_id)
    if answer:
        answer.stop.set()


def answers() -> list[LiveAnswer]:
    """All that this process is writing."""
    with _lock:
        return list(_answers.values())


def is_live(message_id: UUID) -> bool:
    """Does this process write the answer?"""
    with _lock:
        return message_id in _answers


@contextmanager
def listening(message_id: UUID) -> Iterator[Listener]:
    """Hear of the answer's events. Needs a running event loop."""
    listener = Listener(asyncio.get_running_loop())
    with _lock:
        _listeners[message_id].add(listener)
    try:
        yield listener
    finally:
        with _lock:
            _listeners[message_id].discard(listener)
            if not _listeners[message_id]:
                del _listeners[message_id]
