"""Runs Tesseract for the child that reads a file, from the process that the child was forked from.

The child may start nothing itself; all that it can ask for is the text of one picture in its own scratch folder.
Tesseract gets limits on processor time, memory and output, one thread, and no input.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_OUTPUT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a child asks: its ends of the pipes, ours, and how Tesseract is called."""

    command: str
    languages: str
    folder: Path
    seconds: float
    memory_bytes: int
    asked: int
    answers: int
    child_ask: int
    child_answer: int

    def close(self) -> None:
        """Let go of all four ends."""
        for end in (self.asked, self.answers, self.child_ask, self.child_answer):
            with suppress(OSError):
                os.close(end)


def desk(request: Mapping[str, Any]) -> Desk | None:
    """Pipes for one child, or None when Tesseract is not installed or not wanted."""
    wanted = request.get("ocr") or {"command": ""}
    command = shutil.which(wanted["command"])
    if not command:
        return None
    asked, child_ask = os.pipe()
    child_answer, answers = os.pipe()
    limits = request["limits"]
    return Desk(
        command=command,
        languages=wanted["languages"],
        folder=Path(request["answer"]).parent,
        seconds=float(limits["ocr_page_seconds"]),
        memory_bytes=int(limits["ocr_memory_bytes"]),
        asked=asked,
        answers=answers,
        child_ask=child_ask,
        child_answer=child_answer,
    )


def serve(desk: Desk, wait: Callable[[subprocess.Popen[bytes], float], bool]) -> None:
    """Answer one request. ``wait(process, seconds)`` says whether the process ended in time."""
    os.read(desk.asked, 64)
    with (desk.folder / "tesseract.log").open("wb") as log:
        process = _start(desk, log)
        in_time = wait(process, desk.seconds)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    os.write(desk.answers, json.dumps(_outcome(desk, code, in_time)).encode())


def _start(desk: Desk, log: Any) -> subprocess.Popen[bytes]:
    picture, table = str(desk.folder / "page.pgm"), str(desk.folder / "page")
    return subprocess.Popen(
        [desk.command, picture, table, "-l", desk.languages, "tsv"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        env={"PATH": os.environ.get("PATH", ""), "OMP_THREAD_LIMIT": "1", "LANG": "C.UTF-8"},
        start_new_session=True,
        preexec_fn=lambda: _confine(desk),
    )


def _confine(desk: Desk) -> None:
    for kind, bound in (
        (resource.RLIMIT_CPU, int(desk.seconds) + 1),
        (resource.RLIMIT_AS, desk.memory_bytes),
        (resource.RLIMIT_FSIZE, _OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (bound, bound))


def _outcome(desk: Desk, code: int, in_time: bool) -> dict[str, Any]:
    if not in_time or -code == signal.SIGXCPU:
        return {"error": ["time", ""]}
    if code:
        return {"error": ["failed", _said(desk)]}
    return {}


def _said(desk: Desk) -> str:
    """Tesseract's complaint, such as a language that is not installed; without the machine's paths."""
    log = (desk.folder / "tesseract.log").read_text("utf-8", errors="replace")
    missing = [line for line in log.splitlines() if line.startswith("Failed loading language")]
    if missing:
        return f"{missing[0].strip()} (install it: apt-get install tesseract-ocr-LANGUAGE)"
    return "Tesseract could not read the page"
