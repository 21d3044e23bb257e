"""`parse()`: a file becomes text in a child process that cannot hurt this one.

The child has limits on processor time, address space, output and wall-clock time, an environment
without secrets, and (on Linux, where the kernel lets us) no network. Warm parent processes for
children are kept per worker process: one for each file that is parsed at the same time.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from ingestion.parsing import enclosures
from ingestion.parsing.errors import (
    PERMANENT_CODES,
    PermanentCode,
    PermanentParseError,
    RetryableParseError,
)
from ingestion.parsing.types import MIB, Parsed, ParseLimits

_ROOT = Path(__file__).resolve().parents[2]
_GRACE = 10.0  # seconds beyond the child's own wall clock before its parent counts as hung
_START = 60.0
_CRASHES = {
    signal.SIGSEGV,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGILL,
    signal.SIGTRAP,
}
logger = logging.getLogger(__name__)
_LATER = "Try again; if it happens again, tell whoever runs this Footnote: the worker's log has the details."
_SPLIT = "Split it into smaller files, or save it in a simpler form, and upload those."


@dataclass(frozen=True, slots=True)
class Ocr:
    """How scans are read: Tesseract's program, and its languages as in `eng+deu`."""

    command: str = "tesseract"
    languages: str = "eng"


def parse(
    data_path: Path,
    *,
    filename: str,
    media_type: str | None,
    limits: ParseLimits,
    password: str | None = None,
    enclosed_in: Path | None = None,
    ocr: Ocr | None = None,
) -> Parsed:
    """Turn a file into clean text with structure, at most `limits` large, slow or greedy.

    `filename` and `media_type` are hints. Files inside the file are written to the folder `enclosed_in`
    and listed in `Parsed.enclosed`, or in the error's.  Costs one fork (about 5 ms) when warm, 0.1 to 0.5 s the
    first time a format comes. Raises PermanentParseError or RetryableParseError, nothing else.
    """
    _check_size(data_path, limits)
    with tempfile.TemporaryDirectory(prefix="footnote-parse-") as scratch:
        answer = Path(scratch) / "answer.json"
        request = {
            "data_path": str(Path(data_path).resolve()),
            "filename": filename,
            "media_type": media_type,
            "password": password,
            "limits": asdict(limits),
            "ocr": asdict(ocr) if ocr else None,
            "enclosed_in": str(enclosed_in.resolve()) if enclosed_in else "",
            "answer": str(answer),
        }
        _judge(_ask(request, limits), limits)
        return _read_answer(answer, enclosed_in)


def _check_size(path: Path, limits: ParseLimits) -> None:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise _lost("unreadable", "The stored file could not be opened.", error) from error
    if size == 0:
        raise PermanentParseError(
            "empty_file",
            "The file is empty (0 bytes).",
            "Check the file and upload it again.",
        )
    if size > limits.file_bytes:
        raise PermanentParseError(
            "too_large",
            f"The file has {size / MIB:,.0f} MB; the limit is {limits.file_bytes / MIB:,.0f} MB.",
            "Split it into smaller files and upload those.",
        )


def _judge(end: dict[str, Any], limits: ParseLimits) -> None:
    """Turn a child's bad end into the error it means."""
    kind, number = end.get("end"), end.get("signal")
    if kind == "exit" and end.get("code") == 0:
        return
    if kind == "wall" or number == signal.SIGXCPU:
        raise PermanentParseError(
            "limit_time",
            f"Reading the file took longer than {limits.cpu_seconds} s.",
            _SPLIT,
        )
    if kind == "exit" and end.get("code") == 71:
        raise PermanentParseError(
            "limit_memory",
            f"Reading the file needs over {limits.memory_bytes // MIB} MB.",
            _SPLIT,
        )
    if kind == "exit" and end.get("code") == 72:
        raise PermanentParseError("limit_output", "The file holds too much text.", _SPLIT)
    if number in _CRASHES:
        raise PermanentParseError(
            "corrupt",
            "The file is damaged: it made its reader crash.",
            "Open it in the program that made it, save it again, and upload that copy.",
        )
    raise _lost("child_killed", "The process that read the file was stopped from outside.", end)


def _lost(code: str, message: str, detail: object) -> RetryableParseError:
    """What befell this machine and not the file: the person is told that, and the log the rest."""
    logger.warning("%s (%s) %s", message, code, detail)
    return RetryableParseError(code, message, _LATER)


def _read_answer(path: Path, enclosed_in: Path | None) -> Parsed:
    try:
        answer = json.loads(path.read_bytes())
        enclosed = enclosures.from_json(answer["enclosed"], enclosed_in)
        if "parsed" in answer:
            return replace(Parsed.from_json(answer["parsed"]), enclosed=enclosed)
        code, message, remedy = answer["error"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _lost(
            "bad_answer", "The process that read the file gave no answer.", error
        ) from error
    if code in PERMANENT_CODES:
        refused = PermanentParseError(cast(PermanentCode, code), message, remedy)
        refused.enclosed = enclosed
        raise refused
    raise RetryableParseError(str(code), str(message), str(remedy))


# ---- the warm processes that children fork from --------------------------------------------------


class _Server:
    """One `ingestion.parsing.child` process; serves one request at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ingestion.parsing.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
        try:
            self.network = self._receive(_START)["network"]
        except (OSError, ValueError, KeyError):
            self.close()
            raise

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for how its child ended. Raises OSError when this process is lost."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        return self._receive(seconds)

    def _receive(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise OSError("the parser's process is gone or hangs")
        return cast(dict[str, Any], json.loads(line))

    def close(self) -> None:
        """End it and, through it, its child."""
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close_pipes()

    def abandon(self) -> None:
        """In a forked copy of this process: let go of it, without ending it."""
        self._close_pipes()
        self._process.returncode = 0  # not ours to wait for

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _environment() -> dict[str, str]:
    """What a parser may know: nothing of ours. No keys, no database address, no home."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    fixed = {
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return kept | fixed | {"OMP_NUM_THREADS": "1"}


_idle: list[_Server] = []
_lock = threading.Lock()


def _ask(request: dict[str, Any], limits: ParseLimits) -> dict[str, Any]:
    server = _borrow()
    try:
        scans = limits.ocr_seconds + limits.ocr_page_seconds if request.get("ocr") else 0.0
        end = server.ask(request, limits.wall_seconds + scans + _GRACE)
    except (OSError, ValueError) as error:
        server.close()
        raise _lost("child_lost", "The process that read the file was lost.", error) from error
    except BaseException:  # a cancelled caller: its child must not live on, nor answer the next one
        server.close()
        raise
    with _lock:
        _idle.append(server)
    return end


def _borrow() -> _Server:
    with _lock:
        if _idle:
            return _idle.pop()
    try:
        return _Server()
    except (OSError, ValueError) as error:
        message = "The process that reads files did not start."
        raise _lost("child_start", message, error) from error


def close_all() -> None:
    """End the idle processes of this worker (also done at exit)."""
    with _lock:
        servers, _idle[:] = list(_idle), []
    for server in servers:
        server.close()


def _forget_after_fork() -> None:
    """A forked worker must not share its parent's processes, nor keep their pipes open."""
    global _lock
    _lock = threading.Lock()
    servers, _idle[:] = list(_idle), []
    for server in servers:
        server.abandon()


atexit.register(close_all)
os.register_at_fork(after_in_child=_forget_after_fork)
