"""Named SQL statements from the ``.sql`` file beside a module: ``-- name: claim`` begins one."""

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load(module_file: str) -> dict[str, str]:
    """The statements of ``work.sql`` for ``work.py``, by name."""
    parts = _NAME.split(Path(module_file).with_suffix(".sql").read_text())[1:]
    return {name: sql.strip() for name, sql in zip(parts[::2], parts[1::2], strict=True)}
