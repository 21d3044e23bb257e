"""The processes of ``bin/up``: started, restarted when they end by themselves, and stopped together.

Each runs in a session of its own, so that a Ctrl-C at the terminal reaches only ``bin/up``, which stops them in order;
and each is tied to ``bin/up`` (see ``tether``), so that none is left when that is killed.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config.launch import logs, tether
from config.launch.home import REPOSITORY, Home

STEADY_SECONDS = 60
LONGEST_PAUSE = 5.0


@dataclass
class Child:
    """One process by its name in the log. Use it from the main thread only: it is tied to the thread that starts it."""

    name: str
    command: list[str]
    variables: dict[str, str]
    home: Home
    process: "subprocess.Popen[bytes] | None" = None
    failures: int = 0
    _started: float = 0.0
    _next: float = field(default=0.0)

    def start(self) -> None:
        """Starts it; its output goes to the combined log."""
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *self.command],
            cwd=REPOSITORY,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        logs.pump(self.name, self.process.stdout, logs.keeper(self.home.log, self.name))

    def tend(self) -> None:
        """Notices its end, and starts it again after a pause that doubles with every failure in a row."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._next:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.failures = 1 if now - self._started > STEADY_SECONDS else self.failures + 1
        pause = min(LONGEST_PAUSE, 0.5 * 2 ** (self.failures - 1))
        logs.say("up", f"{self.name} stopped ({_reason(code)}); starting it again in {pause:g} s")
        self._sweep()
        self.process, self._next = None, now + pause

    def signal(self, kind: signal.Signals) -> None:
        """Sends ``kind`` to the process itself; nothing when it is down."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(kind)

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """Ends it and all that it started, at once."""
        self.signal(signal.SIGKILL)
        self._sweep()

    def _sweep(self) -> None:
        """What a process that was killed has left in its session."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _reason(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def stop(children: list[Child], seconds: float = 6) -> None:
    """Asks all to end; after ``seconds`` tells them to leave their work (a lease runs out, another worker takes over);
    after as many again kills them."""
    for kind in (signal.SIGTERM, signal.SIGQUIT):
        for child in children:
            child.signal(kind)
        if _wait(children, seconds):
            break
    for child in children:
        child.kill()
        if child.process is not None:
            child.process.wait()


def _wait(children: list[Child], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if all(child.ended() for child in children):
            return True
        time.sleep(0.05)
    return False


def note(children: list[Child], path: Path) -> None:
    """Writes down who runs, for ``sweep`` at the next start."""
    running = [
        child.process.pid for child in children if child.process is not None and not child.ended()
    ]
    known = {}
    for pid in running:
        with suppress(psutil.Error):
            known[pid] = psutil.Process(pid).create_time()
    # In one step: whoever reads it, and whatever kills this process, finds the whole of it.
    part = path.with_suffix(".part")
    part.write_text(json.dumps(known), encoding="utf-8")
    part.replace(path)


def sweep(path: Path) -> int:
    """Ends what a killed ``bin/up`` has left running; the number of them. A number given anew is left alone."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    left = [process for pid, born in known.items() if (process := _same(int(pid), born))]
    for process in left:
        with suppress(psutil.Error, OSError):
            os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5)
    path.unlink()
    return len(left)


def _same(pid: int, born: float) -> psutil.Process | None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if abs(process.create_time() - born) < 1:
            return process
    return None
