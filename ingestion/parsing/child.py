"""The process that children fork from, and the child that reads one file.

`python -m ingestion.parsing.child` answers one JSON line on stdout per JSON line on stdin. It never
touches a file itself: for each request it forks a child with resource limits of its own, which writes
its answer to a file, and reports how that child ended. Forking a warm process costs about 5 ms
where a fresh interpreter with its libraries costs 100 to 500. End of input ends it and its child, so
that a killed worker leaves nothing behind.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.parsing import detection, registry, tesseract
from ingestion.parsing.enclosures import Enclosures, TooManyEnclosed
from ingestion.parsing.errors import ParseError, PermanentParseError
from ingestion.parsing.tesseract import Desk
from ingestion.parsing.types import Parsed, ParseLimits, Source

if TYPE_CHECKING:
    from ingestion.parsing.ocr import Reader

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def serve() -> None:
    """Answer requests until end of input."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    _answer({"ready": True, "network": _leave_network()})
    for line in sys.stdin:
        request = json.loads(line)
        registry.preload(request["filename"])
        _answer(_run(request, woken))


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _leave_network() -> str:
    """Best effort, Linux only: a network namespace without interfaces."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
            return "none"
    return "inherited"


def _run(request: dict[str, Any], woken: int) -> dict[str, Any]:
    """Fork, wait until the child ends or its wall-clock time is over, and say how it ended."""
    gc.freeze()  # the child's collector must not touch (and so copy) what it inherited
    desk = tesseract.desk(request)
    pid = os.fork()
    if pid == 0:
        _child(request, desk)
    try:
        ended = _wait(pid, woken, request["limits"], desk)
    finally:
        if desk:
            desk.close()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # whatever it may have started
    if ended is None:
        os.waitpid(pid, 0)
        return {"end": "wall"}
    if os.WIFSIGNALED(ended):
        return {"end": "signal", "signal": os.WTERMSIG(ended)}
    return {"end": "exit", "code": os.WEXITSTATUS(ended)}


def _wait(pid: int, woken: int, limits: dict[str, Any], desk: Desk | None) -> int | None:
    """The wait status, or None when time is over. Ends everything when our own input ends.

    While Tesseract reads a page for the child, the child's clock stands still and OCR's runs.
    """
    deadline = time.monotonic() + float(limits["wall_seconds"])
    for_ocr = float(limits["ocr_seconds"]) if desk else 0.0
    asked = [desk.asked] if desk else []
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        ready, _, _ = select.select([woken, sys.stdin, *asked], [], [], left)
        if woken in ready:
            os.read(woken, 4096)
        if desk and desk.asked in ready:
            started = time.monotonic()
            tesseract.serve(desk, lambda process, most: _page_read(process, most, woken, pid))
            spent = time.monotonic() - started
            for_ocr -= spent
            deadline += spent if for_ocr > 0 else 0.0
        if sys.stdin in ready:  # nobody writes while a request runs, so this is end of input
            os.killpg(pid, signal.SIGKILL)
            sys.exit(0)


def _page_read(process: subprocess.Popen[bytes], seconds: float, woken: int, child: int) -> bool:
    """Wait for Tesseract; False when time is over. Ends everything when our own input ends."""
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        ready, _, _ = select.select([woken, sys.stdin], [], [], left)
        if woken in ready:
            os.read(woken, 4096)
        if sys.stdin in ready:
            for group in (process.pid, child):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
            sys.exit(0)
    return True


def _child(request: dict[str, Any], desk: Desk | None) -> None:
    """Read one file and leave. Never returns."""
    code = 70
    try:
        limits = ParseLimits(**request["limits"])
        _confine(limits)
        answer = _answer_for(request, limits, desk)
        with open(request["answer"], "w", encoding="utf-8") as file:
            json.dump(answer, file, ensure_ascii=False)
        code = 0
    except MemoryError:
        code = 71
    except OSError:
        code = 72  # the answer outgrew RLIMIT_FSIZE, or the disk is full
    finally:
        os._exit(code)


def _confine(limits: ParseLimits) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    with suppress(ValueError, OSError):
        # The soft limit's signal says "time"; the hard one's could be anybody's kill.
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))
    for kind, bound in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.output_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a platform without this limit still has the others
            resource.setrlimit(kind, (bound, bound))


def _answer_for(request: dict[str, Any], limits: ParseLimits, desk: Desk | None) -> dict[str, Any]:
    source = Source(
        path=Path(request["data_path"]),
        filename=request["filename"],
        limits=limits,
        media_type=request["media_type"] or "",
        password=request["password"],
        enclosures=_enclosures(request["enclosed_in"], limits),
        ocr=_reader(desk, limits) if desk else None,
    )
    answer = _outcome(source)
    return answer | {"enclosed": source.enclosures.to_json()}


def _reader(desk: Desk, limits: ParseLimits) -> Reader:
    from ingestion.parsing.ocr import Reader  # its library is loaded where scans can be read alone

    return Reader(desk.folder, desk.child_ask, desk.child_answer, limits.ocr_pages)


def _enclosures(folder: str, limits: ParseLimits) -> Enclosures:
    return Enclosures(
        folder=Path(folder) if folder else None,
        most=limits.enclosed,
        most_bytes=limits.unpacked_bytes,
        each_bytes=limits.file_bytes,
    )


def _outcome(source: Source) -> dict[str, Any]:
    try:
        return {"parsed": read(source).to_json()}
    except ParseError as error:
        return {"error": [error.code, error.message, error.remedy]}
    except TooManyEnclosed as error:
        source.enclosures.clear()
        message = f"The file is too large once unpacked: {error}."
        return {"error": ["too_large", message, "Split it into smaller files."]}
    except MemoryError:
        raise
    except RecursionError:
        return {"error": ["corrupt", "The file is nested too deeply to be read.", _RESAVE]}
    except Exception as error:  # noqa: BLE001 - a library's surprise at hostile bytes is that file's failure
        return {"error": ["corrupt", f"The file could not be read ({_name(error)}).", _RESAVE]}


_RESAVE = "Open it in the program that made it, save it again, and upload that copy."


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


def read(source: Source) -> Parsed:
    """Detect and parse in this very process: for the child, and for tests of single parsers."""
    kind = detection.media_type(source)
    parsed = registry.parser_for(kind).parse(source)
    if not parsed.text.strip() and not source.enclosures.found:
        raise PermanentParseError(
            "no_text", "The file holds no text.", "Check the file and upload it again."
        )
    return parsed


if __name__ == "__main__":
    serve()
