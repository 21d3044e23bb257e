"""How large chunks should be and what a cut costs; one profile per collection, by name or by its own figures."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHARS = 2400
# Target and overlap of each, in tokens.
NAMED = {"balanced": (160, 32), "precise": (96, 16), "broad": (200, 40)}


@dataclass(frozen=True, slots=True)
class ChunkProfile:
    """Sizes in tokens of the embedding model. The defaults were measured with MiniLM.

    `benchmarks/contoso_chunking.py` prints the table that they come from.
    """

    max_tokens: int = 256  # the model's limit, with its special tokens and the prefix
    target_tokens: int = 160  # of the text itself
    overlap_tokens: int = 32  # repeated only where a block had to be cut inside
    prefix_tokens: int = 48  # at most, for title, heading path and the head of a table
    max_chars: int = MAX_CHARS  # bounds text that the tokenizer takes for few unknown words
    page_cost: float = 0.5  # of a chunk that runs over a page's end
    heading_cost: float = 0.5  # of a chunk with a heading inside, more for higher ones
    split: frozenset[str] = (
        frozenset()
    )  # kinds of blocks that are cut between rows or lines though they fit

    @classmethod
    def named(
        cls,
        name: str,
        *,
        max_tokens: int,
        tokens: int | None = None,
        overlap: int | None = None,
        split: frozenset[str] = frozenset(),
    ) -> ChunkProfile:
        """A profile by its name, with a collection's own figures, made to fit what the model can read."""
        target, repeated = NAMED[name]
        target = min(tokens or target, max_tokens)
        repeated = repeated if overlap is None else overlap
        return cls(
            max_tokens=max_tokens,
            target_tokens=target,
            overlap_tokens=min(repeated, target // 2),
            # Text in tokens is about four characters each; the bound is for what has few words.
            max_chars=max(MAX_CHARS, 15 * target),
            split=split,
        )

    def __post_init__(self) -> None:
        if self.max_tokens < 16:
            raise ValueError(f"max_tokens must be at least 16, got {self.max_tokens}")
        if not 8 <= self.target_tokens <= self.max_tokens:
            raise ValueError(
                f"target_tokens must be 8 to {self.max_tokens}, got {self.target_tokens}"
            )
        if not 0 <= self.overlap_tokens <= self.target_tokens // 2:
            raise ValueError("overlap_tokens must be at most half of target_tokens")
        if not 0 <= self.prefix_tokens <= self.max_tokens // 2:
            raise ValueError("prefix_tokens must be at most half of max_tokens")
        if self.max_chars < 32:
            raise ValueError(f"max_chars must be at least 32, got {self.max_chars}")
