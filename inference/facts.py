"""What two texts must agree on before one may stand for the other: numbers, names, negation, what is asked for.

Entry points: ``facts(text)``, ``agree(one, other)``. Word lists and patterns, English first; a text in another language
has its numbers, its names and its commonest negations read, and the rest counts as agreeing. Microseconds; no model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"\d+(?:[.,]\d+)*%?|[^\W\d_]+(?:['’-][^\W\d_]+)*|\w+")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?:\D|$))")
NEGATIONS = frozenset(
    {"not", "no", "never", "none", "nor", "neither", "without", "cannot", "nobody", "nothing"}
    | {"nicht", "kein", "keine", "nie", "ne", "pas", "jamais", "sin", "nunca"}
)
NUMBER_WORDS = {"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5"} | {
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th",
}  # fmt: skip
# Pairs of which the one word asks for the other's opposite.
_POLES = (
    "in-network out-of-network", "before after", "minimum maximum", "min max", "first last", "more less",
    "most least", "increase decrease", "include exclude", "included excluded", "start end", "begin end",
    "started ended", "highest lowest", "largest smallest", "oldest youngest", "oldest newest", "buy sell",
    "win lose", "won lost", "above below", "over under", "open close", "opens closes", "opened closed",
    "employee employer", "employees employers", "full-time part-time", "internal external", "male female",
    "north south", "east west", "upper lower", "hot cold", "import export", "advantages disadvantages",
    "pros cons", "cause prevent", "arrive leave", "birth death", "born died", "mother father",
    "husband wife", "brother sister", "enable disable", "allowed forbidden", "covered uncovered",
)  # fmt: skip
_POLE_OF = {
    word: (number, side)
    for number, pair in enumerate(_POLES)
    for side, word in enumerate(pair.split())
}
_ASKS = {"who": "person", "whom": "person", "whose": "person", "when": "time", "where": "place"} | {
    "why": "reason", "year": "time", "date": "time", "location": "place", "reason": "reason",
    "many": "count", "much": "amount", "cost": "amount", "price": "amount", "long": "length", "often": "rate",
}  # fmt: skip
# A capital letter at the beginning of a sentence, or of these, makes no name.
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        "i a an the is are was were do does did can could will would should may might must has have had what which who"
        " whom whose when where why how please tell give explain describe list show if in on of for to and or am",
    )
)


@dataclass(frozen=True)
class Facts:
    """What is compared. ``names`` are in lower case, ``asks`` the kinds of thing that a question wants."""

    numbers: frozenset[str]
    names: frozenset[str]
    negations: int
    poles: frozenset[tuple[int, int]]
    asks: frozenset[str]
    words: frozenset[str]

    @property
    def words_and_stems(self) -> frozenset[str]:
        """Its words, also without a possessive ending."""
        return self.words | {word.removesuffix("'s") for word in self.words}


def facts(text: str) -> Facts:
    """Read a text."""
    numbers: list[str] = []
    names: set[str] = set()
    words: list[str] = []
    for match in _WORD.finditer(text):
        word = match[0].casefold().replace("’", "'")
        words.append(word)
        if number := number_of(word):
            numbers.append(number)
        elif _is_name(match[0], word, starts=_starts(text, match.start())):
            names.add(word.removesuffix("'s"))
    return Facts(
        frozenset(numbers),
        frozenset(names),
        sum(is_negation(word) for word in words),
        frozenset(_POLE_OF[word] for word in words if word in _POLE_OF),
        frozenset(_ASKS[word] for word in words[:8] if word in _ASKS),
        frozenset(words),
    )


def number_of(word: str) -> str:
    """A number's one spelling; empty for what is none."""
    if word[0].isdigit():
        return _THOUSANDS.sub("", word).replace(",", ".")
    return NUMBER_WORDS.get(word, "")


def is_negation(word: str) -> bool:
    """Does the (case-folded) word negate?"""
    return word in NEGATIONS or word.endswith("n't")


def agree(one: Facts, other: Facts) -> bool:
    """May one text stand for the other, as far as these facts tell?"""
    return (
        one.numbers == other.numbers
        and _same_names(one, other)
        and bool(one.negations % 2) == bool(other.negations % 2)
        and not _opposed(one.poles, other.poles)
        and (not one.asks or not other.asks or one.asks == other.asks)
    )


def _same_names(one: Facts, other: Facts) -> bool:
    """A name may be written small in the other text, but it must be there."""
    return one.names <= other.words_and_stems and other.names <= one.words_and_stems


def _opposed(one: frozenset[tuple[int, int]], other: frozenset[tuple[int, int]]) -> bool:
    """Whether one text has only the one word of a pair, and the other only its opposite."""
    return any(
        (pair, 1 - side) in other and (pair, 1 - side) not in one and (pair, side) not in other
        for pair, side in one
    )


def _starts(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \t\"'«“(")
    return not before or before[-1] in ".!?\n:"


def _is_name(written: str, word: str, *, starts: bool) -> bool:
    if word in _NO_NAMES or not written[0].isupper():
        return False
    return not starts or written[1:2].isupper()
