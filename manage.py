#!/usr/bin/env python
"""Django's command line. ``bin/manage`` runs it with the database and the keys of this installation."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Runs the command in sys.argv."""
    sys.path[:0] = [str(ROOT / "platform")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.command_line import execute  # the path is set just above

    execute(sys.argv)


if __name__ == "__main__":
    main()
