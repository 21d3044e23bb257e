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


def pinned(definition: str, signature: str) -> str:
    """SQL that makes a definer function, owned by the role that nobody can log in as, for the runtime role alone."""
    return f"""
    {definition}
    ALTER FUNCTION {signature} OWNER TO footnote_search;
    REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, footnote_operator;
    GRANT EXECUTE ON FUNCTION {signature} TO footnote_app;
    """


def inner(definition: str, signature: str) -> str:
    """SQL that makes a function which ``footnote_search`` alone may call, from inside a pinned one."""
    return f"""
    {definition}
    ALTER FUNCTION {signature} OWNER TO footnote_search;
    REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, footnote_app, footnote_operator;
    """
