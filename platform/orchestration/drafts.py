"""An answer while a model writes it: what of it may be shown, and whether it is an answer at all."""

from inference.types import Finished
from orchestration.marks import Marks
from orchestration.prompts import NO_ANSWER


class Draft:
    """Takes the model's pieces; gives back what is safe to show. ``text`` is all that was shown so far."""

    def __init__(self, passages: int) -> None:
        self.marks = Marks(passages)
        self.text = ""
        self.written = ""
        self.refused = False
        self.finished: Finished | None = None
        self._opening: str | None = ""

    def feed(self, piece: str) -> str:
        """The next piece of the model's text."""
        self.written += piece
        if self.refused:
            return ""
        if self._opening is None:
            return self._show(self.marks.feed(piece))
        return self._open(piece)

    def close(self) -> str:
        """The model is done: what was still held back."""
        held, self._opening = self._opening or "", None
        if self.refused:
            return ""
        shown = self.marks.feed(held) + self.marks.close()
        return self._show(shown.rstrip())

    def add(self, text: str) -> str:
        """Our own words."""
        return self._show(text)

    def _open(self, piece: str) -> str:
        """Hold back the beginning until it cannot be the words that say: no answer."""
        opening = (self._opening or "") + piece
        told = opening.lstrip(' \n"*_')
        self._opening = opening
        if told.upper().startswith(NO_ANSWER):
            self.refused = True
            return ""
        if NO_ANSWER.startswith(told.upper()):
            return ""
        self._opening = None
        return self._show(self.marks.feed(opening.lstrip()))

    def _show(self, text: str) -> str:
        self.text += text
        return text
