"""Homes of their own for tests that start and stop whole servers; everything started in one ends with the test."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config.launch import children
from config.launch.home import REPOSITORY, Home

KINDS = ("", "MIGRATION_", "OPERATOR_", "BACKUP_", "QUEUE_", "SUPERUSER_")
VARIABLES_OF_THE_TEST_RUN = {f"{kind}DATABASE_URL" for kind in KINDS}


def variables(home: Path, **more: str) -> dict[str, str]:
    """An environment in which nothing of the test run's own database is left."""
    kept = {
        name: value for name, value in os.environ.items() if name not in VARIABLES_OF_THE_TEST_RUN
    }
    return {**kept, "FOOTNOTE_HOME": str(home), "PYTHONPATH": str(REPOSITORY / "platform"), **more}


def start(
    home: Path, module: str, *arguments: str, output: Path | None = None, **more: str
) -> "subprocess.Popen[str]":
    """``python -m config.launch.MODULE`` in ``home``, in a session of its own like a terminal's.

    What it prints goes to the file ``output``, or to a pipe.
    """
    to = output.open("w") if output else None
    process = subprocess.Popen(
        [sys.executable, "-m", f"config.launch.{module}", *arguments],
        cwd=REPOSITORY,
        env=variables(home, **more),
        stdin=subprocess.DEVNULL,
        stdout=to or subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    if to:
        to.close()
    return process


def outcome(home: Path, module: str, *arguments: str, **more: str) -> tuple[int, str]:
    """Exit code and output of a run that ends by itself."""
    process = start(home, module, *arguments, **more)
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def wait_until(true: Callable[[], object], seconds: float = 30) -> None:
    """Polls until ``true()``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def servers(home: Path) -> list[psutil.Process]:
    """The main processes of Postgres that work on the data of ``home``."""
    data = str((home / "postgres").resolve() / "data")
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres" and data in (process.info["cmdline"] or [])
    ]


def guards(home: Path) -> list[psutil.Process]:
    """The guards of ``home``."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if "config.launch.guard" in (process.info["cmdline"] or []):
            try:
                mine = process.environ().get("FOOTNOTE_HOME") == str(home)
            except psutil.Error:
                continue
            found += [process] if mine else []
    return found


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home. Not below pytest's own folder, which pytest closes to the user of root's server."""
    folder = Path(tempfile.mkdtemp(prefix="footnote-home-"))
    folder.chmod(0o711)
    yield folder
    children.sweep(Home(folder).run / "children.json")
    for process in (*guards(folder), *servers(folder)):
        process.send_signal(signal.SIGTERM)
    wait_until(lambda: not servers(folder))
    shutil.rmtree(folder)
