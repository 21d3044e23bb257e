"""Words for the lexical index: the same for documents and for questions.

`terms()` turns text into index terms, `dimension()` a term into its place in a `sparsevec`, and
`bm25_weights()` a chunk's counts into its stored vector; a question's vector is its counts times
`idf()`, so that their inner product is the BM25 score.

Languages without spaces are indexed by pairs of characters. Accents are folded after stemming,
because Snowball needs them. What looks like an identifier (part numbers, addresses, versions, names
in code) is kept whole and in parts.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from math import log

import regex
import Stemmer

from inference.scripts import CLUSTER, RUN, UNSPACED, is_unspaced, pairs
from ingestion.stopwords import STOPWORDS

DIMENSIONS = 1_000_000_000  # pgvector's limit for sparsevec
MAX_TERM = 128  # characters; longer runs are cut, as nobody searches for a whole base64 block

_TOKEN = regex.compile(
    rf"{RUN}"
    rf"|(?:(?![{UNSPACED}])[\p{{L}}\p{{M}}\p{{N}}_])+"
    rf"(?:[-‐‑‒−﹣－./@:'’+&#%=?~]+(?:(?![{UNSPACED}])[\p{{L}}\p{{M}}\p{{N}}_])+|,\d{{3}}(?!\d))*[+#]{{0,2}}"
)
# Hyphens of word processors and PDFs; a dash between words, or between numbers, is no hyphen.
PLAIN_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2212\ufe63\uff0d"), "-")
# The same where all characters are ASCII, by Python's own engine: three times as fast.
_ASCII_TOKEN = re.compile(
    r"[A-Za-z0-9_]+(?:[-./@:'+&#%=?~]+[A-Za-z0-9_]+|,\d{3}(?!\d))*[+#]{0,2}", re.ASCII
)
_PARTS = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_HUMPS = regex.compile(
    r"\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}[\p{Ll}\p{M}]*|\p{Lu}+|\p{N}+|[\p{L}\p{M}]+"
)
_NUMBER = regex.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+")
_POSSESSIVE = regex.compile(r"['’](?:s|d|ll|re|ve|m|t)?$")
_ELISION = regex.compile(r"^(?:[cdjlmnst]|qu|all|dell|nell|sull|un)['’](?=\p{L}{2})")
_FOLDED_MARKS = regex.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640]"
)
_UNACCENTED = frozenset({"simple", "english", "porter", "indonesian"})
_VIETNAMESE = regex.compile("[\u1ea0-\u1ef9ơư]")
_LETTERS = str.maketrans(
    {"đ": "d", "ð": "d", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ħ": "h", "ı": "i", "ŋ": "n",
     "أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ς": "σ"}
)  # fmt: skip


def terms(text: str, language: str = "english", *, question: bool = False) -> list[str]:
    """Index terms of a text, in order and with repeats. Takes about 0.7 s for a megabyte.

    `language` is a Snowball language, or "simple" for no stemming and no stop words. `question`
    leaves out the accentless form of Vietnamese words that were typed with their accents: it would
    find other words. Raises ValueError for an unknown language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}; known are: {', '.join(LANGUAGES)}")
    found: list[str] = []
    for token in (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text):
        found.extend(_analysed(token[:1024], language, question))
    return found


LANGUAGES = ("simple", *Stemmer.algorithms())


def term_spans(
    text: str, wanted: AbstractSet[str], language: str = "english"
) -> Iterator[tuple[int, int]]:
    """Where a text holds one of these index terms: character offsets, in order and apart.

    Of a compound word the parts that match, else the whole; of a run without spaces the characters.
    """
    for token in _TOKEN.finditer(text):
        if is_unspaced(token[0]):
            yield from _merged(_pair_spans(token[0], token.start(), wanted))
        elif wanted & set(_analysed(token[0][:1024], language, False)):
            parts = [
                part.span()
                for part in _PARTS.finditer(text, token.start(), token.end())
                if wanted & set(_analysed(part[0][:1024], language, False))
            ]
            yield from parts or [token.span()]


def _pair_spans(run: str, offset: int, wanted: AbstractSet[str]) -> Iterator[tuple[int, int]]:
    clusters = list(CLUSTER.finditer(run))
    for first, second in pairwise(clusters) if len(clusters) > 1 else [(*clusters, *clusters)]:
        start, end = first.start(), second.end()
        if wanted & set(pairs(run[start:end])):
            yield offset + start, offset + end


def _merged(spans: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans that overlap or touch, as one."""
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held and start <= held[1]:
            held = (held[0], max(held[1], end))
            continue
        if held:
            yield held
        held = (start, end)
    if held:
        yield held


@lru_cache(maxsize=1 << 17)
def dimension(term: str) -> int:
    """A term's place in the vector, 1 to DIMENSIONS: the same in every process and release."""
    digest = blake2b(term.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % DIMENSIONS + 1


def bm25_weights(
    counts: Mapping[str, int],
    length: int,
    average_length: float,
    k1: float = 1.2,
    b: float = 0.75,
) -> dict[int, float]:
    """dimension -> saturated term frequency, between 0 and 1; idf is the question's part.

    `length` is the number of terms of the chunk, `average_length` that of its collection.
    """
    norm = k1 * (1 - b + b * length / max(average_length, 1e-9))
    weights: dict[int, float] = {}
    for term, count in counts.items():
        place = dimension(term)
        weights[place] = weights.get(place, 0.0) + count / (count + norm)
    return weights


def idf(documents: int, frequency: int) -> float:
    """How much a term tells that `frequency` of `documents` chunks hold; never negative."""
    return log(1 + (documents - frequency + 0.5) / (frequency + 0.5))


# ---- one token -----------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 17)
def _analysed(token: str, language: str, question: bool) -> tuple[str, ...]:
    token = token.translate(PLAIN_HYPHENS)
    if is_unspaced(token):
        return tuple(pairs(token))
    words = _word_terms(token, language)
    return tuple(form[:MAX_TERM] for word in words for form in _forms(word, language, question))


def _forms(word: str, language: str, question: bool) -> Iterator[str]:
    """The stem without accents; in Vietnamese, where accents make the word, the word as well."""
    toned = _VIETNAMESE.search(word)
    if toned:
        yield word
    if not (toned and question):
        # Snowball wants a language's own accents, and trips over those that it does not have.
        folded = (
            stem(fold(word), language) if language in _UNACCENTED else fold(stem(word, language))
        )
        if folded:
            yield folded


def _word_terms(token: str, language: str) -> Iterator[str]:
    token = _ELISION.sub("", _POSSESSIVE.sub("", token)) or token
    parts = _PARTS.findall(token)
    if len(parts) <= 1 and token == "".join(parts):
        yield from _plain(token, language)
        yield from _humps(token, language)
    elif _NUMBER.fullmatch(token):
        yield token.replace(",", "")
    else:
        yield from _compound(token, parts, language)


def _plain(word: str, language: str) -> Iterator[str]:
    """A word, unless it is a stop word; an acronym (IT, US, WHO) never is one."""
    lower = unicodedata.normalize("NFKC", word).casefold()
    acronym = len(word) > 1 and word.isupper()
    if lower not in STOPWORDS.get(language, frozenset()) or acronym:
        yield lower


def _humps(word: str, language: str) -> Iterator[str]:
    """getUserName -> get, user, name; covid19 -> covid, 19."""
    humps = _HUMPS.findall(word)
    if len(humps) > 1:
        for hump in humps:
            yield from _plain(hump, language)


def _compound(token: str, parts: list[str], language: str) -> Iterator[str]:
    """Identifiers whole and in parts; words with a hyphen or apostrophe in parts and as one."""
    whole = unicodedata.normalize("NFKC", token).casefold()
    letters = all(part.isalpha() for part in parts)
    if not letters or not set(token) - set("".join(parts)) <= {"-", "'", "’"}:
        yield whole
    elif len(parts) == 2:
        yield from _plain("".join(parts).lower(), language)
    for part in parts:
        yield from _plain(part, language)
        if len(parts) < 12:
            yield from _humps(part, language)


def fold(word: str) -> str:
    """Without accents, vowel points and variant letters; other scripts keep their signs."""
    if word.isascii():
        return word
    bare = _FOLDED_MARKS.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


_local = threading.local()  # a Snowball stemmer must not be shared between threads


def stem(word: str, language: str) -> str:
    """The Snowball stem; what has a digit, and every word in "simple", stays as it is."""
    if language == "simple" or not word.isalpha():
        return word
    stemmers: dict[str, Stemmer.Stemmer] = _local.__dict__.setdefault("stemmers", {})
    if language not in stemmers:
        stemmers[language] = Stemmer.Stemmer(language)
    return str(stemmers[language].stemWord(word))


# ---- words to complete ---------------------------------------------------------------------------


def typed(text: str) -> str:
    """A text as completions compare it: without case, accents and repeated blanks."""
    plain = unicodedata.normalize("NFKC", " ".join(text.split())).casefold()
    return " ".join(fold(word) for word in plain.split(" "))


def written_words(text: str, language: str) -> Iterator[str]:
    """Words as they are written, in order and with repeats: compounds whole and in parts, no stop words, no numbers.

    Scripts without blanks have no words that could be told apart without a dictionary; they give none.
    """
    stop = STOPWORDS.get(language, frozenset())
    for token in _TOKEN.finditer(text):
        word = _POSSESSIVE.sub("", token[0])
        if is_unspaced(word):
            continue
        parts = _PARTS.findall(word)
        for one in (word, *parts) if len(parts) > 1 else (word,):
            if one.casefold() not in stop and not one.isnumeric():
                yield one


def word_starts(text: str) -> Iterator[int]:
    """Where a word of a text begins; of a run without blanks, every character."""
    for token in _TOKEN.finditer(text):
        if is_unspaced(token[0]):
            yield from (token.start() + one.start() for one in CLUSTER.finditer(token[0]))
        else:
            yield from (token.start() + one.start() for one in _PARTS.finditer(token[0]))
