"""A progress bar on a terminal, plain lines anywhere else (a line at most every five seconds)."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Protocol, TypeVar

T = TypeVar("T")
LINE_SECONDS = 5.0
BAR_SECONDS = 0.1
_WIDTH = 28


class Output(Protocol):
    """What Django's ``self.stdout`` offers."""

    def write(self, msg: str, *, ending: str) -> None: ...
    def isatty(self) -> bool: ...
    def flush(self) -> None: ...


class ProgressBar:
    """``with ProgressBar(self.stdout, "ingesting") as bar: bar.show(3, 10, "12 chunks")``."""

    def __init__(self, output: Output, label: str) -> None:
        self._output, self._label = output, label
        self._live = output.isatty()
        self._began = self._last = time.monotonic()
        self._drawn = ""

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def show(self, done: int, total: int, said: str = "") -> None:
        """Draw the state; cheap to call often."""
        now = time.monotonic()
        if now - self._last < (BAR_SECONDS if self._live else LINE_SECONDS):
            return
        self._last = now
        if self._live:
            self._draw(
                f"{self._label} {_bar(done, total)} {done:,}/{total:,}  {said}{self._eta(done, total)}"
            )
        else:
            self.say(f"{self._label}: {done:,} of {total:,}, {said}{self._eta(done, total)}")

    def counting(self, items: Iterable[T], said: Callable[[], str]) -> Iterator[T]:
        """Pass items on, showing how many there were so far."""
        for count, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            if now - self._last > (BAR_SECONDS if self._live else LINE_SECONDS):
                self._last = now
                line = f"{self._label}: {count:,} found, {said()}"
                self._draw(line) if self._live else self.say(line)

    def say(self, line: str) -> None:
        """A line that stays."""
        self._clear()
        self._output.write(line, ending="\n")
        self._output.flush()

    def _eta(self, done: int, total: int) -> str:
        if not done or done >= total or self.seconds < 2:
            return ""
        return f", about {self.seconds / done * (total - done):,.0f} s left"

    def _draw(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        line = line[:width]
        self._output.write("\r" + line.ljust(len(self._drawn)), ending="")
        self._output.flush()
        self._drawn = line

    def _clear(self) -> None:
        if self._drawn:
            self._output.write("\r" + " " * len(self._drawn) + "\r", ending="")
            self._output.flush()
            self._drawn = ""


def _bar(done: int, total: int) -> str:
    filled = _WIDTH * done // total if total else _WIDTH
    return "[" + "#" * filled + "-" * (_WIDTH - filled) + "]"
