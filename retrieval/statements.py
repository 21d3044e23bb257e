"""Named SQL statements: each lives in a ``.sql`` file of this package, begun by ``-- name: something``."""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("sql")
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def statement(file: str, name: str) -> str:
    """The text of one statement, without its name line. Raises ``KeyError`` when the file has none of that name."""
    parts = _NAME.split((FOLDER / file).read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))[name].strip()
