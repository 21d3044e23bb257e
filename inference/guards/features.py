"""What the injection guard sees of a text: hashed words, pairs of words, and runs of letters. Entry point: ``read``.

Runs of letters know an attack's words in forms and spellings that training never had. What is hidden in a text (base64,
rot13, spaced letters, characters that nobody sees) is read beside it. Thirty patterns for single tricks were tried on
top of this and found nothing that the letters had not found.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.guards.hidden import plainly

WORDS, LETTERS_BITS = 16_384, 15
DIMENSIONS = WORDS + (1 << LETTERS_BITS)
LONGEST = 4000
# Lengths of the runs, each with the odd factor that keeps its hashes apart.
RUNS = {3: 0x9E3779B1, 4: 0x85EBCA77, 5: 0xC2B2AE3D}
_TOKEN = re.compile(r"\w+|[^\w\s]")
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Features:
    """Places in one vector of ``DIMENSIONS``, each once."""

    words: Places
    letters: Places

    def parts(self) -> list[tuple[Places, float]]:
        """Each kind with the value of its places: words and runs weigh the same however long the text is."""
        return [(one, max(1, len(one)) ** -0.5) for one in (self.words, self.letters)]


def read(text: str) -> Features:
    """Of the first 4,000 characters. About 0.1 ms for 300 of them."""
    shown = unicodedata.normalize("NFKC", plainly(text[:LONGEST])).casefold()
    told = _TOKEN.findall(shown)
    return Features(_words(told), _letters(" ".join(told)))


def _words(told: list[str]) -> Places:
    words = [word.encode("utf-8", "surrogatepass") for word in told]
    pairs = (b"%b %b" % pair for pair in itertools.pairwise(words))
    found = {zlib.crc32(part) % WORDS for part in itertools.chain(words, pairs)}
    return np.fromiter(found, np.intp, len(found))


def _letters(told: str) -> Places:
    """Runs of 3 to 5 characters by a hash of their code points, at all places at once; each grows from the shorter."""
    codes = np.frombuffer(f" {told} ".encode("utf-32-le", "surrogatepass"), np.uint32)
    seen = np.zeros(1 << LETTERS_BITS, bool)
    total = codes
    for length in range(2, max(RUNS) + 1):
        total = total[:-1] * np.uint32(0x01000193) + codes[length - 1 :]
        if factor := RUNS.get(length):
            mixed = (total ^ (total >> np.uint32(15))) * np.uint32(factor)
            seen[mixed >> np.uint32(32 - LETTERS_BITS)] = True
    return (np.flatnonzero(seen) + WORDS).astype(np.intp)
