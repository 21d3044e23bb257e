"""Signals of prompt injection: text that speaks to the model instead of to the reader.

Two linear models over hashed words and runs of letters (``features``), without any embedding: one for what a person
writes, one for what stands in a document. That is read sentence by sentence, and again in windows of a few sentences:
neither does a short attack drown in what stands around it, nor does a long one fall apart. Trained by
``benchmarks/train_injection.py``, which also measures them by nested cross-validation. It is a signal and no
protection: what contains an injection is that nothing a model writes is run, and that its marks, links and images are
checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from inference.guards.features import read
from inference.guards.findings import Finding

# A document is read in windows of so many characters, each beginning where the one before is half over. In windows of
# 300 alone, what stands around a short attack outweighs it.
GRAINS = (110, 300)
# The same passages are found again and again; so many verdicts are remembered in a process.
REMEMBERED = 4096
_SENTENCE = re.compile(r"(?<=[.!?;:。！？>])\s+|\n+|(?<=[。！？])")


@dataclass(frozen=True)
class Linear:
    """Weights as whole numbers with one scale, a bias, and the score from which it is a finding."""

    weights: NDArray[np.int16]
    scale: float
    bias: float
    threshold: float

    def score(self, text: str) -> float:
        """The logit."""
        told = (
            value * float(self.weights[places].sum(dtype=np.int64))
            for places, value in read(text).parts()
        )
        return self.bias + self.scale * sum(told)


@cache
def models() -> dict[str, Linear]:
    """``message`` and ``window``, from the shipped file."""
    place = resources.files("inference").joinpath("guards", "data", "injection.npz")
    with place.open("rb") as file, np.load(file) as found:
        return {
            name: Linear(
                found[f"{name}_weights"],
                *(float(found[f"{name}_{part}"]) for part in ("scale", "bias", "threshold")),
            )
            for name in ("message", "window")
        }


def in_message(text: str) -> list[Finding]:
    """Of what a person writes: as a whole."""
    used = models()["message"]
    return _found(used.score(text), used.threshold, 0, len(text))


@lru_cache(maxsize=REMEMBERED)
def in_passage(text: str) -> tuple[Finding, ...]:
    """Of what a document says: the most suspicious window, if it is suspicious enough. 1 to 2 ms for a page."""
    used = models()["window"]
    scored = ((used.score(text[start:end]), start, end) for start, end in windows(text))
    score, start, end = max(scored, default=(-math.inf, 0, 0))
    return tuple(_found(score, used.threshold, start, end))


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Overlapping parts of whole sentences at each grain, as spans, each once."""
    yield from dict.fromkeys(span for size in GRAINS for span in _windows(text, size))


def _windows(text: str, size: int) -> Iterator[tuple[int, int]]:
    bounds = list(_bounds(text, size))
    ends = [*bounds[1:], len(text)]
    first = 0
    while first < len(bounds):
        last = first
        while last + 1 < len(ends) and ends[last + 1] - bounds[first] <= size:
            last += 1
        yield bounds[first], ends[last]
        if last + 1 >= len(bounds):
            return
        first += max(1, (last + 1 - first) // 2)


def _bounds(text: str, size: int) -> Iterator[int]:
    """Where sentences begin; one that is longer than a window is cut, between two words if it has any."""
    starts = [0, *(match.end() for match in _SENTENCE.finditer(text))]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        at = start
        while end - at > size:
            yield at
            at = text.rfind(" ", at + size // 2, at + size) + 1 or at + size
        if end > at or not text:
            yield at


def _found(score: float, threshold: float, start: int, end: int) -> list[Finding]:
    if score < threshold:
        return []
    return [Finding("injection", start, end, 1 / (1 + math.exp(-score)), "speaks to the model")]
