"""Messages as the templates show them: one call for a thread, with a fixed number of queries however long it is."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from chat import conversations
from chat.models import Citation, Message
from chat.rendering import Chip, answer_html
from chat.tree import Step
from inference.catalogue import EXTRACTIVE
from orchestration.events import CUT_OFF
from orchestration.support import SUPPORTED
from tenants.access import Place
from traces.models import Feedback

QUOTE_IN_LABEL = 120
# Shorter sentences without a citation ("Yes.", "In short:") claim nothing that a source could bear out.
SHORTEST_CLAIM_WORDS = 4
_CODE = re.compile(r"^(```|~~~).*?(?:^\1|\Z)", re.DOTALL | re.MULTILINE)
# What the gateway notes of a model that was asked before the one that answered.
_MODEL_FAILED = re.compile(r"(\S+): [a-z][a-z_ ]*")
_BUDGET_SPENT = re.compile(r"\S+: budget (.+) is used up")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t:|-]*)?(?:\n|\Z)")


@dataclass(frozen=True)
class ShownMessage:
    """A message with all that its template needs."""

    message: Message
    step: Step
    html: str = ""
    citations: Sequence[Citation] = ()
    nearest: Sequence[dict[str, Any]] = ()
    rating: Feedback | None = None
    facts: Sequence[str] = ()
    trace_url: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    losses: Sequence[str] = ()

    @property
    def is_question(self) -> bool:
        """Written by the member."""
        return self.message.author == Message.Author.USER

    @property
    def unsupported(self) -> int:
        """How many sentences no cited passage bears out."""
        return len(unsupported_spans(self.message))

    @property
    def is_refusal(self) -> bool:
        """The documents hold no answer, and the text says so."""
        return self.message.state == Message.State.COMPLETE and self.message.answered is False


def thread(steps: Iterable[Step], place: Place) -> list[ShownMessage]:
    """The messages of a path, ready for their templates. Two queries."""
    steps = list(steps)
    ids = [step.message.pk for step in steps]
    citations: dict[UUID, list[Citation]] = defaultdict(list)
    for citation in Citation.objects.filter(message_id__in=ids).order_by("number"):
        citations[citation.message_id].append(citation)
    mine = Feedback.objects.filter(
        message_id__in=ids, user_id=conversations.person(place.principal)
    )
    ratings = {rating.message_id: rating for rating in mine}
    return [
        _shown(step, citations[step.message.pk], ratings.get(step.message.pk), place)
        for step in steps
    ]


def _shown(
    step: Step, citations: list[Citation], rating: Feedback | None, place: Place
) -> ShownMessage:
    message = step.message
    if message.author == Message.Author.USER:
        return ShownMessage(message, step)
    return ShownMessage(
        message,
        step,
        html=answer_html(
            message.text, [chip(message, each) for each in citations], unsupported_spans(message)
        ),
        citations=citations,
        nearest=message.details.get("nearest", [])[:3],
        rating=rating,
        facts=facts(message, place),
        trace_url=trace_url(message) if place.is_steward else "",
        details=message.details,
        losses=losses(message),
    )


def chip(message: Message, citation: Citation) -> Chip:
    """The chip of one citation."""
    url = reverse("source", args=[message.pk, citation.number])
    label = _("Source %(n)d: %(title)s")
    if citation.page is not None:
        label = _("Source %(n)d: %(title)s, page %(page)d")
    if citation.is_erased:
        label = _("Source %(n)d: erased")
    values = {"n": citation.number, "title": citation.title[:QUOTE_IN_LABEL], "page": citation.page}
    return Chip(citation.number, url, label % values)


def unsupported_spans(message: Message) -> tuple[tuple[int, int], ...]:
    """The sentences of a whole answer that no cited passage bears out; a refusal claims nothing."""
    if message.state != Message.State.COMPLETE or not message.answered:
        return ()
    code = [match.span() for match in _CODE.finditer(message.text)]
    return tuple(
        (start, end)
        for start, end, citations, support in message.details.get("sentences", [])
        if (not citations or support < SUPPORTED)
        and _claims(message.text, start, end)
        and not any(first <= start < last for first, last in code)
    )


def _claims(text: str, start: int, end: int) -> bool:
    """Does the sentence say something that a source could bear out? Headings, lead-ins and a table's head do not."""
    sentence = text[start:end].strip()
    if sentence.endswith((":", "?")) or sentence.startswith(("#", "```")):
        return False
    if _TABLE_RULE.match(sentence) or (
        sentence.startswith("|") and _TABLE_RULE.match(text, end + 1)
    ):
        return False
    return len(re.findall(r"\w+", sentence)) >= SHORTEST_CLAIM_WORDS


def facts(message: Message, place: Place) -> list[str]:
    """The small print: model, time and, for those who administer, what it cost."""
    found = [message.model] if message.model else []
    if message.details.get("cached"):
        found.append(_("from the cache"))
    if message.duration_ms:
        found.append(_("%(seconds).1f s") % {"seconds": message.duration_ms / 1000})
    if place.is_steward and message.state == Message.State.COMPLETE:
        found.append(_cost(message))
    return found


def losses(message: Message) -> list[str]:
    """In a reader's words, what this answer had to do without."""
    found: dict[str, None] = {}
    for part in filter(None, message.details.get("degraded", "").split("; ")):
        kind, _colon, rest = part.partition(": ")
        if kind == "dense":
            found[_("Found by its words alone, not by meaning.")] = None
        elif part == CUT_OFF:
            found[_("The answer was cut off: it reached the limit of its length.")] = None
        elif kind == "rerank":
            found[f"{_('Not reranked.')} {rest}"] = None
        elif spent := _BUDGET_SPENT.fullmatch(part):
            quoted = message.model == EXTRACTIVE.name
            said = (
                _("The budget %(name)s is used up, so these sentences are quoted.")
                if quoted
                else _("The budget %(name)s is used up, so a smaller model answered.")
            )
            found[said % {"name": spent[1]}] = None
        elif not _MODEL_FAILED.fullmatch(part):
            found[part] = None
        elif message.model == EXTRACTIVE.name:
            found[_("No language model could answer; these sentences are quoted.")] = None
        else:
            found[_("%(model)s could not answer, another model did.") % {"model": kind}] = None
    return list(found)


def _cost(message: Message) -> str:
    if not message.cost_usd:
        return _("no cost")
    amount = f"{message.cost_usd:.4f}" if message.cost_usd >= 0.0001 else f"{message.cost_usd:.2g}"
    return f"US${amount}"


def trace_url(message: Message) -> str:
    """The page of the answer's trace; empty when there is none."""
    if not message.trace_id:
        return ""
    return reverse("admin:traces_trace_change", args=[message.trace_id])
