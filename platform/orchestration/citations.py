"""From the marks of an answer to citations that can be opened: which words of which chunk bear each sentence out.

Entry point: ``cited(text, numbers, passages)``. A quote is always an exact span of the version's text, so that the
document view can highlight it; nothing that a model wrote ends up in a quote.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestration.events import Cited, Sentence
from orchestration.sentences import Span, sentences
from orchestration.support import SUPPORTED, Reading, best_evidence, reading, support
from retrieval.passages import Passage

# Several sentences that cite one passage share a quote when it is no longer than this.
LONGEST_QUOTE = 600
_MARK = re.compile(r"\[(\d+)\]")
_NO_CLAIM = re.compile(r"^(?:#+ .*|.*:)$|^[\W\d_]*$", re.DOTALL)


@dataclass(frozen=True)
class Checked:
    """An answer's citations and sentences. ``support`` is the share of its claims that cited text bears out."""

    citations: tuple[Cited, ...]
    sentences: tuple[Sentence, ...]
    support: float


@dataclass
class _Use:
    """How one sentence uses one passage: the span that bears it out."""

    number: int
    span: Span
    support: float


def cited(text: str, numbers: Mapping[int, int], passages: Sequence[Passage]) -> Checked:
    """Check an answer whose marks are already renumbered; ``numbers`` maps a passage's place to its mark."""
    by_mark = {mark: passages[place - 1] for place, mark in numbers.items()}
    found: list[Sentence] = []
    uses: list[_Use] = []
    for start, end in sentences(text):
        sentence, used = _read_sentence(text, (start, end), by_mark)
        found.append(sentence)
        uses += used
    citations = tuple(
        _citation(mark, by_mark[mark], [use for use in uses if use.number == mark])
        for mark in sorted(by_mark)
    )
    return Checked(citations, tuple(found), _share(text, found))


def quoted(n: int, passage: Passage, sought: str) -> Cited:
    """A citation of the passage's sentence that is nearest to ``sought``: for what was found but not cited."""
    evidence = best_evidence(reading(sought), passage.text)
    return _cited(n, passage, (evidence.start, evidence.end))


def _read_sentence(
    text: str, span: Span, by_mark: Mapping[int, Passage]
) -> tuple[Sentence, list[_Use]]:
    written = text[slice(*span)]
    marks = tuple(dict.fromkeys(int(mark) for mark in _MARK.findall(written)))
    claim = reading(written)
    uses = [_use(mark, claim, by_mark[mark]) for mark in marks if mark in by_mark]
    together = " ".join(by_mark[use.number].text[slice(*use.span)] for use in uses)
    borne_out = support(claim, reading(together)) if uses else 0.0
    best = max([borne_out, *(use.support for use in uses)])
    return Sentence(*span, citations=marks, support=round(best, 4)), uses


def _use(mark: int, claim: Reading, passage: Passage) -> _Use:
    evidence = best_evidence(claim, passage.text)
    return _Use(mark, (evidence.start, evidence.end), evidence.support)


def _citation(mark: int, passage: Passage, uses: Sequence[_Use]) -> Cited:
    """The quote covers what every citing sentence needs if that is short, else what the best supported one needs."""
    if not uses:
        return _cited(mark, passage, (0, len(passage.text)))
    start, end = min(use.span[0] for use in uses), max(use.span[1] for use in uses)
    if end - start > LONGEST_QUOTE:
        start, end = max(uses, key=lambda use: use.support).span
    return _cited(mark, passage, (start, end))


def _cited(n: int, passage: Passage, span: Span) -> Cited:
    start, end = span
    return Cited(
        n=n,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        version_id=passage.version_id,
        external_id=passage.external_id,
        title=passage.title,
        page=passage.page,
        quote=passage.text[start:end],
        span_start=passage.span_start + start,
        span_end=passage.span_start + end,
    )


def _share(text: str, found: Sequence[Sentence]) -> float:
    claims = [
        sentence
        for sentence in found
        if not _NO_CLAIM.match(_MARK.sub("", text[sentence.start : sentence.end]).strip())
    ]
    counted = claims or found
    borne_out = sum(sentence.support >= SUPPORTED for sentence in counted)
    return borne_out / len(counted) if counted else 0.0
