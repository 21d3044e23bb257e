"""The scripted fake provider of the tests as a process of its own, for benchmarks."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Provider:
    """Where it answers, and how it is told what to do."""

    process: subprocess.Popen[str]
    address: str

    def script(self, *behaviours: dict[str, Any]) -> None:
        """What it does next, after what it was told before."""
        asked = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.address.removesuffix('/v1')}/_script",
            data=json.dumps(behaviours).encode(),
            method="POST",
        )
        urllib.request.urlopen(asked).read()  # noqa: S310

    def forget(self) -> None:
        """Drop what is left of the script."""
        asked = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.address.removesuffix('/v1')}/_script", method="DELETE"
        )
        urllib.request.urlopen(asked).read()  # noqa: S310


@contextmanager
def provider() -> Iterator[Provider]:
    """One that embeds in 384 dimensions, until the block ends."""
    command = [sys.executable, "-m", "tests.fakes.model_server", "--port", "0", "--dimensions"]
    process = subprocess.Popen([*command, "384"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield Provider(process, process.stdout.readline().removeprefix("ready: ").strip())
    finally:
        process.terminate()
