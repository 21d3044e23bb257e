"""An answer as a server-sent event stream: what is stored first, then what happens, until the row says that it is over.

``frames`` is an asynchronous generator that the page's EventSource reads. Each frame carries the number of the last
event that it holds, so that a lost connection goes on where it was; a reload starts from the beginning and catches up
in one frame. Events of answers that this process writes arrive without a query (``live``); those of another process
are read every ``POLL_SECONDS``. No connection and no tenant scope is held while it waits.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections

from chat import activity, live, turns
from chat.blocks import GrowingText
from chat.live import Happening
from chat.models import Message, MessageEvent
from tenants.scope import Principal, tenant_scope

POLL_SECONDS = 0.4
# With the writer in this process nothing has to be polled; the row is looked at in case it died silently.
LOOK_SECONDS = 5.0
RECONNECT_MILLISECONDS = 1500


@dataclass(frozen=True)
class Reading:
    """What the database says: the answer's state and its events after some number."""

    state: str
    happenings: list[Happening]


class Picture:
    """What the reader's page shows, as it follows the events; gives the frames that change it."""

    def __init__(self, after: int) -> None:
        self.number = 0
        self._after = after
        self._line = ""
        self._text = GrowingText()

    def frames(self, happenings: list[Happening]) -> list[str]:
        """The frames of a run of events; nothing for those that the reader has. The last one carries the number."""
        changed: dict[str, str] = {}
        pieces, unseen = "", ""
        for happening in happenings:
            self.number = happening.number
            seen = happening.number <= self._after
            if happening.kind != "text":
                before = self._line
                self._line = activity.describe(happening.kind, happening.payload, before)
                if not seen and self._line != before:
                    changed["status"] = frame("status", {"text": self._line})
            elif seen:
                pieces += happening.payload["text"]
            else:
                unseen += happening.payload["text"]
        if pieces:
            self._text.feed(pieces)
        if unseen:
            for fragment in self._text.feed(unseen):
                block = {"index": fragment.index, "html": fragment.html}
                changed[f"block {fragment.index}"] = frame("block", block)
        made = list(changed.values())
        return [*made[:-1], f"id: {self.number}\n{made[-1]}"] if made else []


def frame(name: str, data: dict[str, object]) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


async def frames(message_id: UUID, principal: Principal, after: int) -> AsyncIterator[str]:
    """The stream of one answer, from after the event of that number. The caller has checked who asks."""
    picture = Picture(after)
    yield f"retry: {RECONNECT_MILLISECONDS}\n\n"
    with live.listening(message_id) as listener:
        while True:
            found = await _read(message_id, principal, picture.number)
            for each in picture.frames(found.happenings):
                yield each
            if found.state != Message.State.STREAMING:
                yield frame("final", {"state": found.state})
                return
            async for heard in _heard(listener, message_id, picture):
                for each in heard:
                    yield each


async def _heard(
    listener: live.Listener, message_id: UUID, picture: Picture
) -> AsyncIterator[list[str]]:
    """Frames of what this process writes, as long as nothing is missing; ends when the row must be looked at."""
    while True:
        patience = LOOK_SECONDS if live.is_live(message_id) else POLL_SECONDS
        try:
            batch = [await asyncio.wait_for(listener.heard.get(), patience)]
        except TimeoutError:
            # A comment keeps proxies from closing a silent connection.
            yield [": waiting\n\n"] if patience == LOOK_SECONDS else []
            return
        while not listener.heard.empty():
            batch.append(listener.heard.get_nowait())
        known = [each for each in batch if each is not None and each.number > picture.number]
        if known and known[0].number != picture.number + 1:
            return
        yield picture.frames(known)
        if None in batch:
            return


@sync_to_async(thread_sensitive=False)
def _read(message_id: UUID, principal: Principal, after: int) -> Reading:
    """Two short queries in a scope of their own; settles the answer if its writer has died."""
    try:
        with tenant_scope(principal):
            message = Message.objects.filter(pk=message_id).only("state", "conversation_id").first()
            if message is None:
                return Reading("deleted", [])
            is_orphan = message.state == Message.State.STREAMING and not live.is_live(message_id)
            if is_orphan and turns.settle_abandoned(message.conversation_id):
                message.refresh_from_db(fields=["state"])
            rows = MessageEvent.objects.filter(message_id=message_id, number__gt=after)
            values = rows.order_by("number").values_list("number", "kind", "payload")
            return Reading(message.state, [Happening(*row) for row in values])
    finally:
        connections.close_all()
