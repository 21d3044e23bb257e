"""Storing one answer's events. ``Recording.take`` is called for each event, in order.

Text comes in pieces of a few characters; they are gathered for ``GATHER_SECONDS`` (longer when many answers are being
written) into one row, because each row costs a transaction. The last event saves the answer, its citations and its
state in one transaction, under the condition that nobody ended the answer before.
"""

import time
from dataclasses import dataclass
from typing import Any

from chat import live
from chat.models import Citation, Message, MessageEvent
from ingestion.models import Chunk
from orchestration.events import (
    Answer,
    Cited,
    Completed,
    Event,
    Failed,
    Found,
    Searching,
    Stopped,
    TextDelta,
)
from tenants.scope import tenant_scope

GATHER_SECONDS = 0.05
# Added for each answer that is being written, so that 50 at once cost no more rows a second than 12.
GATHER_SECONDS_EACH = 0.004

State = Message.State


@dataclass(frozen=True)
class Ending:
    """How a message's row looks when its answer has ended."""

    state: str
    fields: dict[str, Any]
    citations: tuple[Cited, ...] = ()


class Recording:
    """The state of one answer's record."""

    def __init__(self, answer: live.LiveAnswer) -> None:
        self.message_id = answer.message_id
        self.principal = answer.principal
        self.text = ""
        self.details: dict[str, Any] = {}
        self._number = 0
        self._waiting = ""
        self._stored_at = 0.0
        self._began = time.monotonic()

    def take(self, event: Event) -> None:
        """Store an event (text may wait for more), and tell this process's streams."""
        if isinstance(event, TextDelta):
            self._gather(event.text)
            return
        self._flush()
        if isinstance(event, Completed | Failed | Stopped):
            self._end(event)
            return
        self._note(event)
        self._store(event.kind, event.as_json())

    def _gather(self, text: str) -> None:
        self.text += text
        self._waiting += text
        patience = GATHER_SECONDS + GATHER_SECONDS_EACH * len(live.answers())
        if time.monotonic() - self._stored_at >= patience:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            text, self._waiting = self._waiting, ""
            self._store(TextDelta.kind, {"text": text})
            self._stored_at = time.monotonic()

    def _note(self, event: Event) -> None:
        if isinstance(event, Searching):
            self.details["searched"] = list(event.collections)
        if isinstance(event, Found):
            self.details["found"] = {"passages": event.passages, "documents": event.documents}
            self.details["nearest"] = [stored_citation(each) for each in event.nearest]

    def _store(self, kind: str, payload: dict[str, Any]) -> None:
        self._number += 1
        happening = live.Happening(self._number, kind, payload)
        with tenant_scope(self.principal):
            self._insert(happening)
        live.publish(self.message_id, happening)

    def _insert(self, happening: live.Happening) -> None:
        MessageEvent.objects.create(
            tenant_id=self.principal.tenant_id,
            message_id=self.message_id,
            number=happening.number,
            kind=happening.kind,
            payload=happening.payload,
        )

    def _end(self, event: Completed | Failed | Stopped) -> None:
        ending = self._ending(event)
        self._number += 1
        row = Message.objects
        with tenant_scope(self.principal):
            ended = row.filter(pk=self.message_id, state=State.STREAMING).update(
                state=ending.state, **ending.fields
            )
            if ended:
                self._insert(live.Happening(self._number, event.kind, event.as_json()))
                self._cite(ending.citations)
                return
            # Somebody stopped it meanwhile; what had been written by then is worth keeping.
            row.filter(pk=self.message_id, state=State.STOPPED).update(
                text=self.text,
                details=self.details,
                trace_id=event_trace(event),
                duration_ms=self._elapsed(),
            )

    def _ending(self, event: Completed | Failed | Stopped) -> Ending:
        if isinstance(event, Completed):
            return self._whole(event.answer)
        fields = {
            "text": event.partial or self.text,
            "trace_id": event.trace_id,
            "duration_ms": self._elapsed(),
            "details": self.details,
        }
        if isinstance(event, Stopped):
            return Ending(State.STOPPED, fields)
        fields["reason"] = event.message
        fields["details"] = self.details | {"code": event.code, "retryable": event.retryable}
        # Text of which the end is missing is incomplete; without any text, the answer failed.
        return Ending(State.INCOMPLETE if fields["text"] else State.FAILED, fields)

    def _whole(self, answer: Answer) -> Ending:
        nearest = [stored_citation(each) for each in answer.nearest]
        details = self.details | {
            "sentences": [
                [each.start, each.end, list(each.citations), round(each.support, 4)]
                for each in answer.sentences
            ],
            "nearest": nearest or self.details.get("nearest", []),
            "cached": answer.cached,
            "degraded": answer.degraded,
            "tokens": [answer.input_tokens, answer.output_tokens],
        }
        fields = {
            "text": answer.text,
            "answered": answer.answered,
            "support": answer.support,
            "model": answer.model,
            "trace_id": answer.trace_id,
            "cost_usd": answer.cost_usd,
            "duration_ms": answer.duration_ms or self._elapsed(),
            "details": details,
        }
        return Ending(State.COMPLETE, fields, answer.citations)

    def _cite(self, citations: tuple[Cited, ...]) -> None:
        # A document that was erased while its answer was written leaves a citation without passage and words. The lock
        # lets no erasure come in between; it is ordered, so that two answers cannot deadlock.
        chunks = Chunk.objects.filter(pk__in=[each.chunk_id for each in citations]).order_by("pk")
        there = set(chunks.select_for_update(no_key=True).values_list("pk", flat=True))
        Citation.objects.bulk_create(
            Citation(
                tenant_id=self.principal.tenant_id,
                message_id=self.message_id,
                chunk_id=each.chunk_id if each.chunk_id in there else None,
                number=each.n,
                title=each.title[:500] if each.chunk_id in there else "",
                page=each.page,
                quote=each.quote if each.chunk_id in there else "",
                span_start=each.span_start,
                span_end=each.span_end,
            )
            for each in citations
        )

    def _elapsed(self) -> float:
        return (time.monotonic() - self._began) * 1000


def event_trace(event: Completed | Failed | Stopped) -> str:
    """The trace that the last event belongs to."""
    return event.answer.trace_id if isinstance(event, Completed) else event.trace_id


def stored_citation(cited: Cited) -> dict[str, Any]:
    """A passage as a message's details keep it: enough to open it later."""
    return cited.as_json() | {
        "chunk_id": str(cited.chunk_id),
        "version_id": str(cited.version_id),
        "span_start": cited.span_start,
        "span_end": cited.span_end,
    }
