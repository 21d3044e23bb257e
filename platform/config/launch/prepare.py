"""What is done between the database's start and that of the processes: migrations, static files, the demo tenant.

Run by ``bin/up`` as ``python -m config.launch.prepare [--no-demo]``: one process, since loading Django is most of it.
"""

import hashlib
import sys
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def main(arguments: list[str]) -> None:
    """Repeatable; about a second when there is nothing to do."""
    django.setup()
    call_command("migrate", database="owner", verbosity=1, interactive=False, skip_checks=True)
    _collect_static_files()
    if "--no-demo" not in arguments:
        call_command("seed_demo")


def _collect_static_files() -> None:
    """Collects them for whitenoise when any has changed since the last time."""
    stamp, state = Path(settings.STATIC_ROOT) / ".collected", _state_of_static_files()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == state:
        return
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    stamp.write_text(state, encoding="utf-8")


def _state_of_static_files() -> str:
    """A digest of names, sizes and times of change: some 300 stats, no reading."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list([]):
            state = Path(storage.path(name)).stat()
            digest.update(f"{name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
