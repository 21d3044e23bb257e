"""``bin/test``: the checks and the tests, on a Postgres of their own that is gone afterwards.

With arguments, only pytest runs, with these arguments. FOOTNOTE_TEST_HOME names a folder to keep between runs (it saves
making the cluster; with ``--reuse-db`` also the migrations).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.launch.connections import Surroundings, surroundings
from config.launch.errors import LaunchError
from config.launch.home import REPOSITORY, Home

# Its name is what lets tests/conftest.py drop it.
DATABASE = "test_footnote"
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
        with _surroundings() as around:
            failed = [] if arguments else [name for name in CHECKS if not _passes(name, around)]
            around.variables["FOOTNOTE_FAILED_CHECKS"] = ", ".join(failed)
            code = _run(("-m", "pytest", *arguments), around)
    except LaunchError as error:
        print(f"footnote: {error}", file=sys.stderr)
        return 1
    return code or bool(failed)


@contextmanager
def _surroundings() -> Iterator[Surroundings]:
    kept = os.environ.get("FOOTNOTE_TEST_HOME")
    folder = Path(kept).resolve() if kept else Path(tempfile.mkdtemp(prefix="footnote-test-"))
    # The user's own database and providers are none of the tests' business.
    for name in ("DATABASE_URL", "CELERY_BROKER_URL", "OPENAI_API_KEY", "FOOTNOTE_CHAT_MODEL"):
        os.environ.pop(name, None)
    os.environ |= {"FOOTNOTE_TESTING": "1", "FOOTNOTE_ENV": "development"}
    home = Home(folder)
    home.prepare()
    around = surroundings(home, DATABASE)
    try:
        if around.database is not None:
            around.variables["SUPERUSER_DATABASE_URL"] = around.database.superuser("postgres")
        yield around
    finally:
        around.release()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


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
