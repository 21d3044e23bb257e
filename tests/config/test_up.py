"""bin/up, run as a person would: what stops it from starting, what it survives, and that nothing is left of it."""

import errno
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config.launch.errors import CannotWrite
from tests.config.homes import free_port, outcome, servers, start, wait_until

NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


class Run:
    """A bin/up in the background and the lines it has printed."""

    def __init__(self, home: Path, port: int) -> None:
        self.port = port
        self.log = home / f"up-{port}-{time.monotonic_ns()}.log"
        self.process = start(home, "up", "--port", str(port), "--no-demo", output=self.log)

    def says(self, text: str, seconds: float = 240) -> None:
        wait_until(lambda: text in self.text() or self.process.poll() is not None, seconds)
        assert text in self.text(), self.text()[-3000:]

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def children(self) -> dict[str, psutil.Process]:
        """Web, worker and beat."""
        named = {"uvicorn": "web", "worker": "worker", "beat": "beat"}
        found = {}
        for process in psutil.Process(self.process.pid).children():
            for word in process.cmdline():
                if word in named:
                    found[named[word]] = process
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


@pytest.fixture
def run(home: Path) -> Iterator[Run]:
    found = Run(home, free_port())
    yield found
    if found.process.poll() is None:
        found.stop()


@pytest.mark.slow
def test_it_survives_what_kills_its_parts_and_leaves_nothing_behind(home: Path, run: Run) -> None:
    run.says(f"ready: http://127.0.0.1:{run.port}")
    assert readiness(run.port).startswith("database: ok")
    assert set(run.children()) == {"web", "worker", "beat"}

    code, second = outcome(home, "up", "--port", str(free_port()))
    assert code == 1
    assert f"process {run.process.pid}, http://127.0.0.1:{run.port}" in second

    run.children()["web"].kill()
    run.says("web stopped (killed by SIGKILL); starting it again")
    wait_until(lambda: answers(run.port), 120)

    parts = [*run.children().values(), *psutil.Process(run.process.pid).children(recursive=True)]
    run.process.kill()
    run.process.wait()
    assert psutil.wait_procs(parts, timeout=30)[1] == [], "what it started ends with it"
    wait_until(lambda: not servers(home))

    again = Run(home, run.port)
    again.says("ready:")
    parts = [
        *again.children().values(),
        *psutil.Process(again.process.pid).children(recursive=True),
    ]
    began = time.monotonic()
    assert again.stop() == 0
    assert time.monotonic() - began < 30
    assert psutil.wait_procs(parts, timeout=1)[1] == []
    assert servers(home) == []


def test_a_port_in_use_is_named_with_what_to_do(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, said = outcome(home, "up", "--port", str(port))
    assert code == 1
    assert f"Port {port} is in use by process {os.getpid()}" in said
    assert f"bin/up --port {port + 1}" in said
    assert not servers(home), "nothing was started"


def test_a_home_below_a_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = outcome(tmp_path / "file" / "home", "up", "--port", str(free_port()))
    assert code == 1
    assert re.fullmatch(r"footnote: Cannot write .*: set FOOTNOTE_HOME to another folder\.\n", said)


@NOT_ROOT
def test_a_folder_of_somebody_else_is_refused_in_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code, said = outcome(tmp_path / "home", "up", "--port", str(free_port()))
    assert code == 1
    assert "No permission to write" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize(
    ("options", "words"),
    [("ro", "read-only disk"), ("size=32k", "disk is full")],
    ids=["read-only", "full"],
)
def test_a_read_only_or_full_disk_is_named_with_what_to_do(
    tmp_path: Path, options: str, words: str
) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a file system")
    try:
        code, said = outcome(tmp_path / "home", "up", "--port", str(free_port()))
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert code == 1
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "The disk is full at /here: make room there, or set FOOTNOTE_HOME."),
        (errno.EROFS, "/here is on a read-only disk: set FOOTNOTE_HOME to a writable folder."),
        (errno.EACCES, "No permission to write /here: set FOOTNOTE_HOME to a folder of yours."),
    ],
)
def test_each_kind_of_disk_error_has_its_sentence(code: int, words: str) -> None:
    assert str(CannotWrite.because(OSError(code, os.strerror(code), "/here"), "/there")) == words


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"FOOTNOTE_ENV": "production"}, "FOOTNOTE_ENV is production"),
        (
            {"DATABASE_URL": "postgresql://a:b@c/d"},
            "MIGRATION_DATABASE_URL and OPERATOR_DATABASE_URL",
        ),
    ],
    ids=["production", "half of the URLs"],
)
def test_what_is_missing_for_another_database_is_named(
    home: Path, variables: dict[str, str], words: str
) -> None:
    code, said = outcome(home, "up", "--port", str(free_port()), **variables)
    assert code == 1
    assert words in said


def readiness(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
        return answer.read().decode()


def answers(port: int) -> bool:
    try:
        return "ok" in readiness(port)
    except OSError:
        return False
