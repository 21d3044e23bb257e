"""Conversations in every state that a page can be in, made as rows: for looking at, and for axe to look at."""

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chat.models import Citation, Conversation, Message
from ingestion.models import Chunk
from orchestration.sentences import sentences
from tests.cast import Member

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
RICH = """Employees get **25 days** of paid leave a year [1]. Receipts are due within `30 days` [2].

## What is covered

1. Travel expenses above 500 EUR [2]
2. Other expenses
   - with a receipt
   - without one, when the finance lead agrees [2]

| Office | Closes | Desks | Remarks |
|---|---|---|---|
| Zurich | 18:00 | 12 | close to the station and to the lake |
| Berlin | 19:30 | 42 | close to the station as well |

> The Berlin office is the larger one.

```python
def closes(office: str) -> str:
    return {"zurich": "18:00", "berlin": "19:30"}[office]  # a comment that is so long that it has to scroll
```

Nobody has ever complained about that. See the [travel portal](https://travel.example.com/book?from=zrh)."""
ARABIC = "يحصل الموظفون على 25 يومًا من الإجازة المدفوعة سنويًا [1]. وهذا ينطبق على جميع المكاتب.\n\n- زيورخ [1]\n- برلين"
LONG = f"{WORD} [1].\n\n`{WORD}`\n\nhttps://example.com/{WORD}\n\n| a | b |\n|---|---|\n| {WORD} | {WORD} |"


@dataclass
class Gallery:
    """Builds conversations of one member."""

    member: Member
    made: dict[str, UUID] = field(default_factory=dict)

    def build(self) -> "Gallery":
        """All states; needs the library's handbook to cite from."""
        with self.member.scope():
            self._answered("rich", "What does the handbook say about leave and expenses?", RICH)
            self._answered("rtl", "كم يومًا من الإجازة؟", ARABIC)
            self._answered("long", WORD, LONG)
            self._states()
            for number in range(12):
                Conversation.objects.create(
                    user=self.member.user, title=f"Question {number} about leave"
                )
        return self

    def _conversation(self, name: str, title: str) -> Conversation:
        row = Conversation.objects.create(user=self.member.user, title=title[:200])
        self.made[name] = row.pk
        return row

    def _answered(self, name: str, question: str, text: str) -> None:
        answer = self._turn(self._conversation(name, question), None, question, text)
        for number, words in ((1, "25 days of paid leave"), (2, "Receipts are due within 30 days")):
            chunk = Chunk.objects.filter(text__contains=words).select_related(
                "version", "document"
            )[0]
            start = chunk.version.text.index(words)
            Citation.objects.create(
                message=answer,
                chunk=chunk,
                number=number,
                title=chunk.document.title,
                page=chunk.page,
                quote=words,
                span_start=start,
                span_end=start + len(words),
            )

    def _turn(
        self,
        conversation: Conversation,
        parent: Message | None,
        question: str,
        text: str,
        **fields: Any,
    ) -> Message:
        asked = Message.objects.create(
            conversation=conversation, parent=parent, author="user", text=question
        )
        spans = [
            [start, end, [int(n) for n in re.findall(r"\[(\d)\]", text[start:end])]]
            for start, end in sentences(text)
        ]
        details = {"sentences": [[*span, 0.9 if span[2] else 0.0] for span in spans]}
        values = {"answered": True, "model": "a-model", "duration_ms": 2345, "cost_usd": "0.00123"}
        return Message.objects.create(
            conversation=conversation,
            parent=asked,
            author="assistant",
            text=text,
            trace_id="a" * 32,
            details=details | {"searched": ["Handbook"]} | fields.pop("details", {}),
            **(values | fields),
        )

    def _states(self) -> None:
        conversation = self._conversation("states", "Everything that can happen to an answer")
        last = self._turn(
            conversation, None, "One that was stopped", "Employees get", state="stopped"
        )
        last = self._turn(
            conversation,
            last,
            "One that broke off",
            "Employees get 25 days of",
            state="incomplete",
            reason="The model stopped in the middle of its answer. Try again in a moment.",
        )
        last = self._turn(
            conversation,
            last,
            "One that failed",
            "",
            state="failed",
            model="",
            reason="The provider refused the key. An administrator has to correct it.",
        )
        last = self._turn(
            conversation,
            last,
            "Who won the cup in 1954?",
            "The documents that were searched do not say.",
            answered=False,
            details={"found": {"passages": 2, "documents": 2}, "nearest": [_nearest()]},
        )
        self._turn(
            conversation,
            last,
            "One without its model",
            "Employees get 25 days of paid leave a year.",
            details={"degraded": "The language model cannot be reached.", "cached": True},
        )


def _nearest() -> dict[str, Any]:
    chunk = Chunk.objects.select_related("document")[0]
    return {
        "n": 1,
        "document_id": str(chunk.document_id),
        "version_id": str(chunk.version_id),
        "title": chunk.document.title,
        "page": None,
        "quote": chunk.text[:120],
        "span_start": chunk.span_start,
        "span_end": chunk.span_start + 120,
    }
