"""``bin/test``: the checks and the tests, on a Postgres of their own that is gone afterwards.

With arguments, only pytest runs, in one process, with these arguments. Without, the tests run in one process per core,
each with a cluster of its own, because roles and settings belong to a whole cluster and some tests change them;
FOOTNOTE_TEST_PROCESSES sets their number. FOOTNOTE_TEST_HOME names a folder to keep between runs (it saves making the
clusters; with ``--reuse-db`` also the migrations).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from config.launch.connections import Surroundings, surroundings
from config.launch.errors import LaunchError
from config.launch.home import REPOSITORY, Home

# Its name is what lets tests/conftest.py drop it.
DATABASE = "test_footnote"
# More processes than this gain little: the longest files are the floor.
MOST_PROCESSES = 4
PYTHON = (sys.executable, "-m")
CHECKS = {
    "ruff check": (*PYTHON, "ruff", "check", "."),
    "ruff format": (*PYTHON, "ruff", "format", "--check", "."),
    "mypy": (*PYTHON, "mypy"),
    "import contracts": (str(Path(sys.executable).with_name("lint-imports")), "--no-cache"),
    "migrations": (sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"),
}


def main(arguments: list[str]) -> int:
    """Exit code 0 when every check and every test passed. Pytest's closing line is the last one printed."""
    try:
        with _folder() as folder, ExitStack() as stack:
            numbers = range(_processes(arguments))
            all_around = [stack.enter_context(_surroundings(folder, n)) for n in numbers]
            around = all_around[0]
            failed = [] if arguments else [name for name in CHECKS if not _passes(name, around)]
            around.variables["FOOTNOTE_FAILED_CHECKS"] = ", ".join(failed)
            code = _run(("-m", "pytest", *_spread(all_around), *arguments), around)
    except LaunchError as error:
        print(f"footnote: {error}", file=sys.stderr)
        return 1
    return code or bool(failed)


def _processes(arguments: list[str]) -> int:
    default = 1 if arguments else min(os.cpu_count() or 1, MOST_PROCESSES)
    return int(os.environ.get("FOOTNOTE_TEST_PROCESSES") or default)


@contextmanager
def _folder() -> Iterator[Path]:
    kept = os.environ.get("FOOTNOTE_TEST_HOME")
    folder = Path(kept).resolve() if kept else Path(tempfile.mkdtemp(prefix="footnote-test-"))
    try:
        yield folder
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _surroundings(folder: Path, shard: int) -> Iterator[Surroundings]:
    # The user's own database and providers are none of the tests' business.
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "OPENAI_API_KEY", "FOOTNOTE_CHAT_MODEL"):
        os.environ.pop(name, None)
    os.environ |= {"FOOTNOTE_TESTING": "1", "FOOTNOTE_ENV": "development"}
    # What is kept by chance would make tests fail by chance.
    os.environ["FOOTNOTE_SEARCH_SAMPLE"] = "0"
    # The servers that tests talk to are on this machine; tests of the address policy bring their own.
    os.environ |= {"FOOTNOTE_OUTBOUND_NETWORKS": "127.0.0.0/8", "FOOTNOTE_OUTBOUND_PORTS": "any"}
    home = Home(folder / f"shard-{shard}" if shard else folder)
    home.prepare()
    around = surroundings(home, DATABASE)
    try:
        if around.database is not None:
            around.variables["SUPERUSER_DATABASE_URL"] = around.database.superuser("postgres")
        yield around
    finally:
        around.release()


def _spread(all_around: list[Surroundings]) -> tuple[str, ...]:
    """Pytest's arguments for several processes; each finds its own variables by its number (tests/shards.py)."""
    if len(all_around) == 1:
        return ()
    own = [_different(one.variables) for one in all_around]
    all_around[0].variables["FOOTNOTE_TEST_SHARDS"] = json.dumps(own)
    return ("-n", str(len(own)), "--dist", "loadgroup", "--no-loadscope-reorder")


def _different(variables: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if os.environ.get(name) != value}


def _passes(name: str, around: Surroundings) -> bool:
    print(f"\033[1m{name}\033[0m" if sys.stdout.isatty() else f"== {name}", flush=True)
    return (
        subprocess.run(CHECKS[name], cwd=REPOSITORY, env=around.variables, check=False).returncode
        == 0
    )


def _run(arguments: tuple[str, ...], around: Surroundings) -> int:
    """Pytest, which gets the terminal's Ctrl-C itself and then reports."""
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=REPOSITORY, env=around.variables
    ) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
