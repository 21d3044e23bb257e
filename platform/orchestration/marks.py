"""Citation marks in the text of a model, read while it streams.

Models are asked to write ``[2]`` for the second passage. ``Marks.feed`` gives back the text that is safe to show:
marks renumbered in order of first use, invented ones taken out and counted, code left alone. What could still become a
mark is held back until it is decided, at most ``LONGEST_MARK`` characters.
"""

import re

LONGEST_MARK = 40
_MARK = r"[ \t]*[\[【](?P<numbers>\s*\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*)[\]】]"
_TOKEN = re.compile(rf"(?P<ticks>`+)|(?P<line>\n)|{_MARK}")
_UNDECIDED = re.compile(rf"(?:`+|[ \t]+|[ \t]*[\[【][\d\s,;–-]{{0,{LONGEST_MARK}}})$")
_RANGE = re.compile(r"(\d+)\s*[–-]\s*(\d+)")


class Marks:
    """The state of one answer's marks. ``numbers`` maps a passage's number to the reader's."""

    def __init__(self, passages: int) -> None:
        self.passages = passages
        self.numbers: dict[int, int] = {}
        self.invented = 0
        self._held = ""
        self._fenced = False
        self._inline = False

    def feed(self, text: str) -> str:
        """Take the next piece; give back what can be shown now."""
        text = self._held + text
        undecided = _UNDECIDED.search(text)
        cut = undecided.start() if undecided else len(text)
        self._held = text[cut:]
        return self._read(text[:cut])

    def close(self) -> str:
        """No more text comes: give back the rest."""
        text, self._held = self._held, ""
        return self._read(text)

    def _read(self, text: str) -> str:
        return _TOKEN.sub(self._replaced, text)

    def _replaced(self, match: re.Match[str]) -> str:
        if match["ticks"]:
            self._see_code(match["ticks"])
        elif match["line"]:
            self._inline = False
        elif not (self._fenced or self._inline):
            return self._marks(match)
        return match[0]

    def _see_code(self, ticks: str) -> None:
        if len(ticks) >= 3:
            self._fenced = not self._fenced
        elif not self._fenced:
            self._inline = not self._inline

    def _marks(self, match: re.Match[str]) -> str:
        asked = _numbers(match["numbers"])
        known = [number for number in asked if 1 <= number <= self.passages]
        self.invented += len(asked) - len(known)
        if not known:
            return ""
        space = match[0][: len(match[0]) - len(match[0].lstrip(" \t"))]
        return space + "".join(f"[{self._renumbered(number)}]" for number in dict.fromkeys(known))

    def _renumbered(self, passage: int) -> int:
        return self.numbers.setdefault(passage, len(self.numbers) + 1)


def _numbers(text: str) -> list[int]:
    """``1, 3-5`` as 1, 3, 4, 5; a range that runs backwards or wide is its two ends."""
    found: list[int] = []
    for part in re.split(r"[,;]", text):
        ends = _RANGE.search(part)
        if ends is None:
            found.append(int(part))
            continue
        first, last = int(ends[1]), int(ends[2])
        found += range(first, last + 1) if 0 < last - first < 20 else (first, last)
    return found
