"""From passages to what a model reads: no text twice, a token budget kept exactly, numbered from one.

``build_context(passages, budget=...)`` takes passages in order of rank, leaves out those that say what a better one
says already, trims what overlaps, cuts the last one that fits at a sentence, and puts neighbours of one document into
reading order within groups of like rank, so that a model reads text and not snippets, best first. A passage that was
cut still has its true span: ``text`` is what stands there.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inference.tokens import count_text
from retrieval.passages import Passage

# Passages of like rank, among which reading order counts for more than rank.
GROUP = 3
# A rest shorter than this tells little and costs a number.
LEAST_CHARACTERS = 80
# Two texts are the same when so many of their words are, and none that differs is a name or a number.
ALIKE = 0.95
_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")

Render = Callable[[int, Passage], str]
# A word, and how often it has come before: sets of these differ by as much as the texts' bags of words do.
_Occurrence = tuple[str, int]


@dataclass(frozen=True)
class _Words:
    """A text's words; those that make a difference by themselves (names, numbers, other scripts) are ``telling``."""

    small: frozenset[_Occurrence]
    telling: frozenset[_Occurrence]


@dataclass(frozen=True)
class Context:
    """Numbered passages (``passages[0]`` is [1]), their text as a model reads it, and its exact size in tokens."""

    text: str
    passages: tuple[Passage, ...]
    tokens: int


def render(number: int, passage: Passage) -> str:
    """One passage with its number, title and place."""
    place = f", page {passage.page}" if passage.page else ""
    heading = f" > {' > '.join(passage.heading_path)}" if passage.heading_path else ""
    return f"[{number}] {passage.title}{place}{heading}\n{passage.text}"


def build_context(passages: Sequence[Passage], *, budget: int, render: Render = render) -> Context:
    """What fits into ``budget`` tokens as ``render`` writes it. An empty context when not even a part of one does."""
    chosen: list[Passage] = []
    for passage in distinct(passages):
        fitting = _fitting(chosen, passage, budget, render)
        if fitting is not None:
            chosen.append(fitting)
    ordered = in_reading_order(chosen)
    # Reading order renumbers; ten and more cost another token now and then, so it is measured once more.
    while ordered and _tokens(ordered, render) > budget:
        ordered.remove(max(ordered, key=lambda passage: passage.rank))
    return Context(_joined(ordered, render), tuple(ordered), _tokens(ordered, render))


def beside(
    context: Context, others: Sequence[Passage], *, budget: int, render: Render = render
) -> Context:
    """The context with ``others`` behind it, in their order, up to the first without room: its numbers stay.

    What overlaps a passage, or says the same, is trimmed or left out as in ``build_context``.
    """
    given = list(context.passages)
    chosen = list(given)
    new = {passage.chunk_id for passage in others}
    for passage in distinct([*given, *others]):
        if passage.chunk_id not in new:
            continue
        if _tokens([*chosen, passage], render) > budget:
            break
        chosen.append(passage)
    return Context(_joined(chosen, render), tuple(chosen), _tokens(chosen, render))


def distinct(passages: Sequence[Passage]) -> list[Passage]:
    """Without near-identical passages, and without the parts that overlap a better one of the same version."""
    kept: list[Passage] = []
    known: list[_Words] = []
    for passage in passages:
        rest = _without_overlap(passage, kept)
        words = _words(rest.text) if rest is not None else None
        if rest is None or words is None or any(_alike(words, other) for other in known):
            continue
        kept.append(rest)
        known.append(words)
    return kept


def in_reading_order(passages: Sequence[Passage]) -> list[Passage]:
    """Rank groups stay in order; within one, passages of a document follow its text."""
    ordered: list[Passage] = []
    for start in range(0, len(passages), GROUP):
        group = passages[start : start + GROUP]
        first = {passage.document_id: number for number, passage in reversed([*enumerate(group)])}
        ordered += sorted(group, key=lambda one: (first[one.document_id], one.span_start))
    return ordered


def _without_overlap(passage: Passage, kept: Sequence[Passage]) -> Passage | None:
    start, end = passage.span_start, passage.span_end
    for other in kept:
        if other.version_id != passage.version_id:
            continue
        if other.span_start <= start < other.span_end:
            start = other.span_end
        if other.span_start < end <= other.span_end:
            end = other.span_start
    if (start, end) == (passage.span_start, passage.span_end):
        return passage
    return _part(passage, start, end) if end - start >= LEAST_CHARACTERS else None


def _part(passage: Passage, start: int, end: int) -> Passage:
    """The passage's text from ``start`` to ``end``, both offsets into the version's text."""
    text = passage.text[start - passage.span_start : end - passage.span_start]
    left, right = len(text) - len(text.lstrip()), len(text) - len(text.rstrip())
    return replace(passage, text=text.strip(), span_start=start + left, span_end=end - right)


def _words(text: str) -> _Words:
    """Counted once per passage: what is compared with every other one is sets."""
    seen: Counter[str] = Counter()
    small, telling = set[_Occurrence](), set[_Occurrence]()
    for word in _WORD.findall(text):
        (small if word.islower() else telling).add((word, seen[word]))
        seen[word] += 1
    return _Words(frozenset(small), frozenset(telling))


def _alike(one: _Words, other: _Words) -> bool:
    """The same words but for a few small ones: "Standard" and "Plus", or 5 and 10 days, are never alike."""
    if one.telling != other.telling:
        return False
    whole = len(one.telling) + max(len(one.small), len(other.small))
    return len(one.small ^ other.small) <= 2 * (1 - ALIKE) * whole


def _fitting(
    chosen: Sequence[Passage], passage: Passage, budget: int, render: Render
) -> Passage | None:
    """The passage, or as many of its sentences as there is room for; None when that is too little."""
    if _tokens([*chosen, passage], render) <= budget:
        return passage
    ends = [match.start() for match in _SENTENCE_END.finditer(passage.text)]
    for end in reversed([end for end in ends if end >= LEAST_CHARACTERS]):
        part = _part(passage, passage.span_start, passage.span_start + end)
        if _tokens([*chosen, part], render) <= budget:
            return part
    return None


def _tokens(passages: Sequence[Passage], render: Render) -> int:
    return count_text(_joined(passages, render))


def _joined(passages: Sequence[Passage], render: Render) -> str:
    return "\n\n".join(render(number, passage) for number, passage in enumerate(passages, 1))
