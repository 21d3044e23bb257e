"""Counting tokens with the embedding model's own tokenizer, without torch or transformers."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer


class TokenCounter:
    """A tokenizer that only counts. Safe to share between threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.special_tokens: int = tokenizer.num_special_tokens_to_add(is_pair=False)
        # Titles and headings come again with every chunk of a document.
        self._offsets = lru_cache(maxsize=256)(self._offsets_of)

    @classmethod
    def from_file(cls, path: Path) -> TokenCounter:
        """From a `tokenizer.json`, or the model folder that holds one. Takes about 30 ms."""
        path = Path(path)
        return cls(Tokenizer.from_file(str(path / "tokenizer.json" if path.is_dir() else path)))

    def count(self, text: str) -> int:
        """Tokens of a text, without special tokens."""
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def count_again(self, text: str) -> int:
        """The same for a text that is asked for again and again, as a title or a heading is."""
        return len(self._offsets(text))

    def measure(self, text: str) -> TokenMap:
        """One pass over a whole document (2 to 5 MB/s), after which any span is measured at once."""
        # As a batch of one: `encode` would keep the interpreter to itself, half a second for a megabyte.
        (encoding,) = self._tokenizer.encode_batch([text], add_special_tokens=False)
        return TokenMap(array("q", (start for start, _ in encoding.offsets)))

    def head(self, text: str, tokens: int) -> str:
        """The longest beginning of a text that is at most `tokens` long, cut between words."""
        if tokens <= 0:
            return ""
        offsets = self._offsets(text)
        if len(offsets) <= tokens:
            return text
        cut = offsets[tokens][0]
        kept = text[:cut] if text[cut - 1 : cut].isspace() else text[:cut].rpartition(" ")[0]
        return kept.strip()

    def _offsets_of(self, text: str) -> list[tuple[int, int]]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def __deepcopy__(self, memo: dict[int, Any]) -> TokenCounter:
        return self  # immutable after construction; drafts that are copied share it


class TokenMap:
    """Where each token of a document starts, in order."""

    def __init__(self, starts: array[int]) -> None:
        self._starts = starts

    def between(self, start: int, end: int) -> int:
        """How many tokens begin in text[start:end]; exact where both ends lie between words."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def nth(self, start: int, tokens: int) -> int | None:
        """Where the token stands that is `tokens` after the first one at or after `start`."""
        index = bisect_left(self._starts, start) + tokens
        return self._starts[index] if index < len(self._starts) else None
