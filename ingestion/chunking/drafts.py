"""A chunk before it is stored, and the text that is embedded for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestion.chunking.tokens import TokenCounter


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """`text == full_text[start:end]`. `tokens` counts `text` alone, without special tokens."""

    ordinal: int
    start: int
    end: int
    text: str
    heading_path: tuple[str, ...]  # the headings above this chunk, outermost first
    page: int | None  # where it starts; `page_end` is where it ends
    page_end: int | None
    tokens: int
    table_head: str = ""  # first rows of the table that this chunk continues
    max_tokens: int = 256
    prefix_tokens: int = 48
    counter: TokenCounter | None = field(default=None, repr=False, compare=False)

    def embedding_text(self, title: str) -> str:
        """Title, heading path, head of the table and text, within the model's limit."""
        if self.counter is None:
            raise ValueError("a draft made without a tokenizer cannot say what fits")
        return embedding_text(
            self.text,
            title=title,
            heading_path=self.heading_path,
            table_head=self.table_head,
            counter=self.counter,
            max_tokens=self.max_tokens,
            prefix_tokens=self.prefix_tokens,
        )


def embedding_text(
    text: str,
    *,
    title: str,
    heading_path: tuple[str, ...],
    counter: TokenCounter,
    table_head: str = "",
    max_tokens: int = 256,
    prefix_tokens: int = 48,
) -> str:
    """What the model sees for a chunk: never over `max_tokens`, special tokens included.

    The prefix gives way, never the text: the innermost headings stay longest, then the table's
    head, then the title. Headings that the text itself begins with are not repeated.
    """
    room = min(prefix_tokens, max_tokens - counter.special_tokens - counter.count(text))
    told = f"{title}\n{text[:400]}"  # what is said there needs no repeating
    shown = [heading for heading in heading_path if heading not in told]
    path = ""
    for heading in reversed(shown):
        longer = f"{heading} > {path}" if path else heading
        if counter.count(longer) > room:
            break
        path = longer
    room -= counter.count(path) if path else 0
    head = table_head if table_head and counter.count(table_head) <= room else ""
    room -= counter.count(head) if head else 0
    lines = [line for line in (counter.head(title, room), path, head, text) if line]
    return "\n".join(lines)
