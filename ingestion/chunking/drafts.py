"""A chunk before it is stored, and the text that is embedded for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingestion.chunking.tokens import TokenCounter

# A text by itself may have other tokens at its ends than as a part of its document.
SLACK = 8
# Ends a title that was made of the text's own beginning.
CUT_SHORT = "…"


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
    measured: int | None = None  # the same with what lies between its parts; None: not known
    table_head: str = (
        ""  # first row of the table that this chunk continues, or what its code stands in
    )
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
            measured=self.measured,
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
    measured: int | None = None,
) -> str:
    """What the model sees for a chunk: never over `max_tokens`, special tokens included.

    The prefix gives way, never the text: the innermost headings stay longest, then the table's
    head, then the title. Headings that the text itself begins with are not repeated, nor is a title. `measured` is
    how many tokens the text has as a part of its document; they are counted anew only close to the limit.
    """
    most = max_tokens - counter.special_tokens
    if measured is None or measured + SLACK > most - prefix_tokens:
        measured = counter.count(text)
    room = min(prefix_tokens, most - measured)
    told = f"{title}\n{text[:400]}"  # what is said there needs no repeating
    shown = [heading for heading in heading_path if heading not in told]
    path = ""
    for heading in reversed(shown):
        longer = f"{heading} > {path}" if path else heading
        if counter.count_again(longer) > room:
            break
        path = longer
    room -= counter.count_again(path) if path else 0
    head = table_head if table_head and counter.count_again(table_head) <= room else ""
    room -= counter.count_again(head) if head else 0
    named = "" if _begins_with(text, title) else counter.head(title, room)
    return "\n".join(line for line in (named, path, head, text) if line)


def _begins_with(text: str, title: str) -> bool:
    """Is the title the text's own first line, or that line cut short?"""
    first = text.lstrip().partition("\n")[0].rstrip()
    return first == title or (
        title.endswith(CUT_SHORT) and first.startswith(title[: -len(CUT_SHORT)])
    )
