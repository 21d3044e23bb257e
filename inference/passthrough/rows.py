"""What stays of a call that was passed on: its row in the ledger, its trace, and the trace's two spans."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inference import ledger
from inference.errors import InferenceError
from inference.passthrough.accounts import Admitted
from inference.passthrough.events import Reading
from inference.tokens import count_text
from inference.types import Usage
from traces.recorder import clipped


@dataclass(frozen=True)
class Ended:
    """A call that is over. ``as_json`` is what ``footnote_settle_calls`` reads."""

    held: Admitted
    feature: str
    messages: list[Any]
    reading: Reading
    error: InferenceError | None
    attempts: int
    trace_id: str
    started_at: datetime
    latency_ms: float
    first_token_ms: float | None
    route: str
    reason: str
    degraded: str

    def as_json(self) -> dict[str, Any]:
        """Row, trace and spans."""
        span_id = secrets.token_hex(8)
        row = ledger.as_json(self._entry(span_id))
        return row | {"trace": self._trace(row), "spans": self._spans(row, span_id)}

    def _entry(self, span_id: str) -> ledger.Entry:
        model, usage = self.held.model, self._usage()
        return ledger.Entry(
            principal=self.held.principal,
            operation="chat",
            feature=self.feature,
            provider=model.provider,
            model=model.name,
            trace_id=self.trace_id,
            span_id=span_id,
            usage=usage,
            cost=model.cost(usage),
            latency_ms=self.latency_ms,
            attempts=self.attempts,
            first_token_ms=self.first_token_ms,
            finish_reason=self.reading.finish_reason if self.error is None else "",
            degraded=self.degraded,
            error=self.error,
            route=self.route,
            candidate_reason=self.reason,
            admission=self.held.admission,
        )

    def _usage(self) -> Usage:
        """What was delivered before a break is paid for, so it is counted; nothing delivered, nothing counted."""
        if self.reading.usage is not None:
            return self.reading.usage
        if self.error is not None and not self.reading.delivered:
            return Usage()
        prompt = count_text(json.dumps(self.messages, ensure_ascii=False))
        return Usage(prompt, count_text(self.reading.written), estimated=True)

    def _trace(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "tenant": row["tenant"],
            "trace_id": self.trace_id,
            "name": "completion",
            "feature": row["feature"],
            "key": row["key"],
            "outcome": row["outcome"],
            "question": clipped(_question(self.messages)),
            "answer": clipped(self.reading.written),
            "model": row["model"],
            "input_tokens": row["input_tokens"],
            "output_tokens": row["output_tokens"],
            "cost": row["cost"],
            "started_at": self.started_at.isoformat(),
            "duration_ms": row["latency_ms"],
        }

    def _spans(self, row: dict[str, Any], span_id: str) -> list[dict[str, Any]]:
        root = {
            "tenant": row["tenant"],
            "trace_id": self.trace_id,
            "span_id": secrets.token_hex(8),
            "parent": "",
            "name": "completion",
            "kind": "root",
            "outcome": row["outcome"],
            "started_at": self.started_at.isoformat(),
            "duration_ms": row["latency_ms"],
            "attributes": {},
        }
        name = f"chat {row['model']}"[:100]
        call = {"span_id": span_id, "parent": root["span_id"], "name": name, "kind": "model"}
        return [root, root | call | {"attributes": self._attributes(row)}]

    def _attributes(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": row["provider"],
            "gen_ai.request.model": row["model"],
            "gen_ai.usage.input_tokens": row["input_tokens"],
            "gen_ai.usage.output_tokens": row["output_tokens"],
            "gen_ai.response.finish_reasons": [row["finish_reason"]],
            "footnote.cost_usd": row["cost"],
            "footnote.attempts": row["attempts"],
            "footnote.candidate_reason": row["candidate_reason"],
        }
        if self.route:
            found["footnote.route"] = row["route"]
        if self.degraded:
            found["footnote.degraded"] = row["degraded"]
        if self.error is not None:
            found |= {"error.type": self.error.code, "error.message": clipped(str(self.error))}
        return found


def _question(messages: list[Any]) -> str:
    """The last message's text."""
    last = messages[-1] if messages else {}
    content = last.get("content") if isinstance(last, dict) else ""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
