"""Ties a process's life to its parent's: when ``bin/up`` is killed, what it started ends too (Linux).

Run as a program, ``tether.py PARENT PROGRAM...`` becomes PROGRAM, which gets SIGTERM when the process PARENT ends. It
imports next to nothing, so this costs 20 ms. Elsewhere than on Linux nothing is tied; the next start cleans up.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(kind: signal.Signals = signal.SIGKILL) -> None:
    """Has the kernel send ``kind`` to this process when its parent ends. Survives exec, not fork."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, kind)


def main(parent: int, *program: str) -> None:
    """Becomes ``program``, tied to ``parent``; ends at once when that is gone already."""
    end_with_parent(signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)
    os.execv(program[0], program)  # noqa: S606  (no shell is the point)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
