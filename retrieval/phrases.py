"""Words that a question puts in quotes stand first where they stand as typed.

The index knows words and not their order, so a search with a quoted phrase ranks deeper, and each phrase is searched
for by its own words as well: a passage that holds it has all of them, and so stands high in that list whatever else the
question says. Of all that was ranked the passages that hold the phrase come first, more phrases before fewer, else in
the search's own order. A phrase is found whatever stop words it has in it, letters large or small, and over a line's
end; one of nothing but stop words is looked for among the passages that are near in meaning. Entry points: ``quoted``,
``joined``, ``with_phrases_first``. Cost: none without quotes, else the texts of ``REACH`` passages, and for each phrase
a search by words alone.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from ingestion.lexical import PLAIN_HYPHENS
from retrieval.passages import Passage

# Of so many passages of each list those with the phrase come first.
REACH = 200
MOST_PHRASES = 8
_QUOTED = re.compile(r'"([^"]{2,})"|“([^“”]{2,})”|„([^„“”]{2,})[“”]|«([^«»]{2,})»|「([^「」]+)」')


def quoted(query: str) -> tuple[str, ...]:
    """The phrases in quotes, as they are compared; at most ``MOST_PHRASES``."""
    found = (_plain(next(filter(None, groups))) for groups in _QUOTED.findall(query))
    kept = dict.fromkeys(phrase for phrase in found if any(map(str.isalnum, phrase)))
    return tuple(kept)[:MOST_PHRASES]


def joined(
    passages: Sequence[Passage], lists: Sequence[Sequence[Passage]], phrases: Sequence[str]
) -> tuple[Passage, ...]:
    """The passages, and behind them those of the phrases' own lists that hold a phrase and are not among them."""
    found = {passage.chunk_id: passage for passage in passages}
    for passage in (one for each in lists for one in each):
        if passage.chunk_id not in found and _held(passage, phrases):
            behind = len(found) + 1
            # It has no score of this search; the last one's keeps scores falling.
            score = passages[-1].score if passages else passage.score
            found[passage.chunk_id] = replace(passage, rank=behind, score=score)
    return tuple(found.values())


def with_phrases_first(
    passages: Sequence[Passage], phrases: Sequence[str], limit: int
) -> tuple[Passage, ...]:
    """The first ``limit`` once those that hold phrases stand before the others; ``explain.phrases`` says which.

    A passage takes the ``score`` of its new place, so that scores fall down the list.
    """
    held = {passage.rank: _held(passage, phrases) for passage in passages}
    order = sorted(passages, key=lambda passage: -len(held[passage.rank]))
    return tuple(
        replace(
            passage,
            rank=place.rank,
            score=place.score,
            explain=replace(passage.explain, phrases=held[passage.rank]),
        )
        for passage, place in zip(order[:limit], passages, strict=False)
    )


def _held(passage: Passage, phrases: Sequence[str]) -> tuple[str, ...]:
    text = _plain("\n".join((passage.title, *passage.heading_path, passage.text)))
    return tuple(phrase for phrase in phrases if _stands_in(phrase, text))


def _stands_in(phrase: str, text: str) -> bool:
    """As words of its own: "art" does not stand in "party"; scripts without spaces have no such bounds."""
    start = text.find(phrase)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(phrase) :][:1]
        if not (_joined(before, phrase[0]) or _joined(phrase[-1], after)):
            return True
        start = text.find(phrase, start + 1)
    return False


def _joined(left: str, right: str) -> bool:
    return left.isalnum() and right.isalnum() and (left + right).isascii()


def _plain(text: str) -> str:
    """Case, blanks, kinds of hyphens and width of letters make no difference."""
    folded = unicodedata.normalize("NFKC", text).translate(PLAIN_HYPHENS).casefold()
    return " ".join(folded.split())
