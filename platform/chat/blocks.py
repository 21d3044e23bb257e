"""Text that grows, as a list of HTML blocks of which only the last ones still change.

A reader of a stream gets each paragraph, list or table as a fragment under its number, and the block that is being
written again and again, so that nothing that is finished ever moves. Only the open end is parsed anew with each piece.
"""

from dataclasses import dataclass

from markdown_it import MarkdownIt

from chat.rendering import block_html

_structure = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table")


@dataclass(frozen=True)
class Fragment:
    """The HTML of block ``index``, in place of what it was before."""

    index: int
    html: str


class GrowingText:
    """An answer so far. ``feed`` gives the fragments that a piece of text changes."""

    def __init__(self) -> None:
        self._closed = 0
        self._open = ""

    def feed(self, text: str) -> list[Fragment]:
        """Take the next piece of text."""
        self._open += text
        parts = _top_level_blocks(self._open)
        fragments = [
            Fragment(self._closed + offset, block_html(part)) for offset, part in enumerate(parts)
        ]
        self._closed += max(0, len(parts) - 1)
        self._open = parts[-1] if parts else self._open
        return fragments


def _top_level_blocks(text: str) -> list[str]:
    """The text cut where blocks begin that stand at the margin."""
    tokens = _structure.parse(text)
    starts = sorted({token.map[0] for token in tokens if token.level == 0 and token.map})
    lines = text.splitlines(keepends=True)
    ends = [*starts[1:], len(lines)]
    return ["".join(lines[start:end]) for start, end in zip(starts, ends, strict=False)]
