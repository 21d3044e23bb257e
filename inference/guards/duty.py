"""Guards on duty for one call: the messages before they leave, the answer before it is delivered.

``incoming`` reads a request and gives back what may be sent; ``Outgoing`` takes the model's text and gives back what
may be shown. While a guard may redact or block, text is held back to the end of its sentence, so that nothing is
delivered that should not be; while all only warn, nothing is held back and the whole is read at the end. ``keep``
stores findings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from inference.errors import AnswerWithheld, InputRefused
from inference.guards import policies as settings
from inference.guards.findings import Finding, Raised, Where, redacted
from inference.guards.policies import Policies, Setting
from inference.guards.registry import GUARDS, About, Guard
from inference.guards.support import Embed
from inference.models import GuardFinding
from inference.types import ChatRequest, Judge, Message, Passage
from tenants.scope import Principal, tenant_scope

# A stop, what closes after it and the marks that belong to it, then space; or the end of a line.
_BOUNDARY = re.compile(r"[.!?…][\"'”’»)\]*_]*(?:\s*\[\d{1,3}\])*\s|\n")
_OPEN_KEY = re.compile(r"-----BEGIN (?:(?!-----END [A-Z ]*-----)[\s\S])*\Z")
# Text without any stop is let go in pieces of this size.
LONGEST_HELD = 2000
# What came before tells what a number is ("tel."), so so much of it is read again.
CONTEXT = 60
MOST_KEPT = 50


def incoming(request: ChatRequest) -> tuple[ChatRequest, list[Raised]]:
    """What may be sent, and what was found. Raises InputRefused, with the findings on it."""
    raised: list[Raised] = []
    found = settings.of(request.principal)
    for guard, setting in found.on("input"):
        for where, text in _subjects(request):
            told = guard.detect(text, About(where, setting.options))
            raised += _raised(guard, setting, where, text, told)
    refused = [one for one in raised if one.action == "block"]
    if refused:
        raise InputRefused(_told(refused), tuple(raised))
    return _redacted_request(request, found), raised


def fit(texts: Sequence[str], principal: Principal) -> tuple[list[int], list[Raised]]:
    """Which passages may be put before a model (their places), and what was found in all of them."""
    raised: list[Raised] = []
    left_out: set[int] = set()
    for guard, setting in settings.of(principal).on("input"):
        if not guard.on_passages:
            continue
        for place, text in enumerate(texts):
            told = guard.detect(text, About("passage", setting.options))
            raised += _raised(guard, setting, "passage", text, told)
            if told and setting.action in ("redact", "block"):
                left_out.add(place)
    return [place for place in range(len(texts)) if place not in left_out], raised


def _subjects(request: ChatRequest) -> Iterator[tuple[Where, str]]:
    """What a person wrote; passages have been read by ``fit`` when they were found."""
    if request.question:
        for text in request.earlier:
            yield "history", text
        yield "question", request.question
        return
    told = [one.content for one in request.messages if one.role == "user"]
    for text in told[:-1]:
        yield "history", text
    if told:
        yield "question", told[-1]


def _redacted_request(request: ChatRequest, found: Policies) -> ChatRequest:
    """What a guard may redact goes from everything that would be sent, also from passages: personal data."""
    for guard, setting in found.on("input"):
        if setting.action == "redact" and not guard.on_passages:

            def clean(text: str, guard: Guard = guard) -> str:
                return redacted(text, guard.detect(text, About("question")))

            messages = [Message(one.role, clean(one.content)) for one in request.messages]
            passages = [replace(one, text=clean(one.text)) for one in request.passages]
            request = replace(
                request,
                messages=messages,
                passages=passages,
                question=clean(request.question),
                follow_up=clean(request.follow_up),
            )
    return request


def _raised(
    guard: Guard, setting: Setting, where: Where, text: str, told: Sequence[Finding]
) -> list[Raised]:
    action = setting.action
    if guard.on_passages and action == "redact" and where != "passage":
        action = "warn"
    if where == "passage" and action == "block":
        action = "redact"
    return [Raised(guard.name, where, action, one, guard.excerpt(text, one)) for one in told]


def _told(refused: Sequence[Raised]) -> str:
    from_guard = {one.guard for one in refused}
    return " ".join(guard.told for name, guard in GUARDS.items() if name in from_guard)


@dataclass
class Outgoing:
    """One answer while it is written. ``raised`` grows; ``feed`` and ``close`` raise AnswerWithheld."""

    policies: Policies
    passages: Sequence[Passage] = ()
    embed: Embed | None = None
    judge: Judge | None = None
    raised: list[Raised] = field(default_factory=list)
    _held: str = ""
    _shown: str = ""

    @property
    def holds_back(self) -> bool:
        """Whether anything could be changed before delivery."""
        return any(one.action in ("redact", "block") for _, one in self.policies.on("output"))

    def feed(self, text: str) -> str:
        """The next piece of the model's text; what of it may be shown now."""
        if not self.holds_back:
            self._shown += text
            return text
        self._held += text
        cut = self._boundary()
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._passed(ready)

    def close(self) -> str:
        """The model is done: the rest, and where nothing was held back, the reading of the whole."""
        if self.holds_back:
            ready, self._held = self._held, ""
            return self._passed(ready)
        for sentence in _sentences(self._shown):
            self._read(sentence, "")
        return ""

    def _boundary(self) -> int:
        """How much of what is held back is whole sentences."""
        ends = [match.end() for match in _BOUNDARY.finditer(self._held)]
        open_key = _OPEN_KEY.search(self._held)
        if open_key is not None and len(self._held) < 4 * LONGEST_HELD:
            ends = [end for end in ends if end <= open_key.start()]
        elif not ends and len(self._held) > LONGEST_HELD:
            return self._held.rfind(" ") + 1 or len(self._held)
        return ends[-1] if ends else 0

    def _passed(self, text: str) -> str:
        shown = "".join(self._read(one, self._shown[-CONTEXT:]) for one in _sentences(text))
        self._shown += shown
        return shown

    def _read(self, sentence: str, before: str) -> str:
        """The sentence as it may be shown."""
        gone: list[Finding] = []
        for guard, setting in self.policies.on("output"):
            found = self._found(guard, setting, sentence, before)
            self.raised += _raised(guard, setting, "answer", sentence, found)
            if found and setting.action == "block":
                raise AnswerWithheld(guard.told)
            if setting.action == "redact":
                gone += found
        return redacted(sentence, gone) if gone else sentence

    def _found(self, guard: Guard, setting: Setting, sentence: str, before: str) -> list[Finding]:
        about = About("answer", setting.options, self.passages, embed=self.embed, judge=self.judge)
        if guard.by_sentence:
            return guard.detect(sentence, about)
        shift = len(before)
        found = guard.detect(before + sentence, about)
        return [
            replace(one, start=max(0, one.start - shift), end=one.end - shift)
            for one in found
            if one.end > shift
        ]


def _sentences(text: str) -> Iterator[str]:
    """The text in pieces, each with its closing space; a private key is one piece."""
    at = 0
    key = re.search(r"-----BEGIN [\s\S]*?(?:-----END [A-Z ]+-----|\Z)", text)
    for match in _BOUNDARY.finditer(text):
        if key is not None and key.start() < match.end() < key.end():
            continue
        yield text[at : match.end()]
        at = match.end()
    if text[at:]:
        yield text[at:]


def keep(raised: Sequence[Raised], *, principal: Principal, feature: str, trace_id: str) -> None:
    """Store findings for review. One insert when there are any. Opens a scope of its own."""
    if not raised:
        return
    with tenant_scope(principal):
        GuardFinding.objects.bulk_create(
            GuardFinding(
                tenant_id=principal.tenant_id,
                guard=one.guard,
                kind=one.finding.kind,
                where=one.where,
                action=one.action,
                score=one.finding.score,
                feature=feature,
                trace_id=trace_id,
                excerpt=one.excerpt.replace("\x00", "")[:300],
            )
            for one in raised[:MOST_KEPT]
        )


def as_json(raised: Sequence[Raised]) -> dict[str, object]:
    """For the ledger's row and the span: what was found and done, never the text."""
    return {"findings": [one.as_json() for one in raised[:MOST_KEPT]]} if raised else {}
