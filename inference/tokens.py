"""Token counts of prompts and answers, offline.

Entry points: `count_text`, `count_messages`. The ranks are shipped (inference/data/README.md says whence),
because tiktoken would download them. Other vendors' tokenizers differ by some 10 %: good enough for budgets
and packing, and replaced by the provider's own figures wherever it reports them. Cost: 0.4 s at the first
count in a process, then about 5 MB of text per second.
"""

from __future__ import annotations

import base64
import hashlib
import lzma
from collections.abc import Iterable
from functools import cache
from importlib import resources

import tiktoken

from inference.types import Message

RANKS_FILE = "o200k_base.tiktoken.xz"
RANKS_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
SPECIAL_TOKENS = {"<|endoftext|>": 199999, "<|endofprompt|>": 200018}
# The split pattern of o200k_base as tiktoken has it (a test compares the two).
_CASES = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
SPLIT_PATTERN = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + _CASES,
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + _CASES,
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
# OpenAI's documented overhead of the chat format.
TOKENS_PER_MESSAGE = 3
TOKENS_PER_REPLY = 3


class DamagedRanks(RuntimeError):
    """The shipped ranks are not what they should be: the installation is broken."""


@cache
def encoding() -> tiktoken.Encoding:
    """The o200k_base encoding from the shipped ranks. Raises DamagedRanks."""
    return tiktoken.Encoding(
        name="o200k_base",
        pat_str=SPLIT_PATTERN,
        mergeable_ranks=_ranks(),
        special_tokens=SPECIAL_TOKENS,
    )


def count_text(text: str) -> int:
    """Tokens of a text; what looks like a special token counts as plain text."""
    return len(encoding().encode_ordinary(text))


def count_messages(messages: Iterable[Message]) -> int:
    """Tokens of a chat prompt, with the format's overhead."""
    counted = sum(
        TOKENS_PER_MESSAGE + count_text(one.role) + count_text(one.content) for one in messages
    )
    return counted + TOKENS_PER_REPLY


def _ranks() -> dict[bytes, int]:
    packed = resources.files("inference").joinpath("data", RANKS_FILE).read_bytes()
    plain = lzma.decompress(packed)
    if hashlib.sha256(plain).hexdigest() != RANKS_SHA256:
        raise DamagedRanks(f"inference/data/{RANKS_FILE} does not have the published checksum")
    pairs = (line.split() for line in plain.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}
