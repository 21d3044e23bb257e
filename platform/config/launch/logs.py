"""The combined log of ``bin/up``: each line with the name of its process, on the terminal and in ``log/NAME.log``."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

FILE_BYTES, FILES_KEPT = 10 * 1024 * 1024, 3
COLOURS = {"web": 36, "worker": 32, "beat": 35, "db": 33, "setup": 34, "up": 1}
WIDTH = max(map(len, COLOURS))

_turn = threading.Lock()


def say(name: str, line: str) -> None:
    """Prints one line with its prefix; coloured on a terminal. A closed terminal is no reason to stop."""
    prefix = f"{name:<{WIDTH}} |"
    if sys.stdout.isatty():
        prefix = f"\033[{COLOURS.get(name, 0)}m{prefix}\033[0m"
    with _turn:
        try:
            print(prefix, line, flush=True)
        except (OSError, ValueError):
            return


class _Lines(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the library's name)
        """The terminal has the line; a traceback per line would say no more."""


def keeper(folder: Path, name: str) -> Callable[[str], None]:
    """A function that writes lines to ``NAME.log``, rotated by size. A full disk costs the file lines, nothing else."""
    handler = _Lines(
        folder / f"{name}.log",
        maxBytes=FILE_BYTES,
        backupCount=FILES_KEPT,
        delay=True,
        encoding="utf-8",
    )

    def keep(line: str) -> None:
        handler.emit(logging.makeLogRecord({"msg": line}))

    return keep


def pump(name: str, source: IO[bytes], keep: Callable[[str], None]) -> threading.Thread:
    """Copies a process's output, line by line, until it ends."""

    def copy() -> None:
        with source:
            for raw in source:
                line = raw.decode(errors="replace").rstrip()
                keep(line)
                say(name, line)

    thread = threading.Thread(target=copy, name=f"log-{name}", daemon=True)
    thread.start()
    return thread


def follow(name: str, path: Path) -> None:
    """Prints what is appended to a file from now on, also after it is emptied by a rotation."""

    def read() -> None:
        position = path.stat().st_size if path.exists() else 0
        while True:
            time.sleep(0.3)
            if not path.exists():
                continue
            position = 0 if path.stat().st_size < position else position
            with path.open("rb") as file:
                file.seek(position)
                for raw in file:
                    say(name, raw.decode(errors="replace").rstrip())
                position = file.tell()

    threading.Thread(target=read, name=f"log-{name}", daemon=True).start()
