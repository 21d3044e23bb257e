"""Every reason that a person is given comes with what to do about it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ingestion

FOLDER = Path(str(ingestion.__path__[0]))
# Where the remedy stands among the arguments.
PLACES = {
    "PermanentError": 2,
    "RetryableError": 2,
    "PermanentParseError": 2,
    "RetryableParseError": 2,
    "UploadRefused": 3,
}
# The message of a refused value says itself what was expected.
SAY_IT_THEMSELVES = {"bad_metadata"}


def raised() -> Iterator[tuple[str, ast.Call]]:
    """Each place in the package where such an error is made."""
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in PLACES
            ):
                yield f"{path.relative_to(FOLDER)}:{node.lineno}", node


def is_mute(call: ast.Call) -> bool:
    """Is there no remedy, or an empty one? What is passed on from another error is judged there."""
    assert isinstance(call.func, ast.Name)
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Constant) and first.value in SAY_IT_THEMSELVES:
        return False
    place = PLACES[call.func.id]
    if len(call.args) <= place:
        return not any(isinstance(one, ast.Starred) for one in call.args)
    remedy = call.args[place]
    return isinstance(remedy, ast.Constant) and not remedy.value


def test_no_failure_is_without_a_remedy() -> None:
    found = list(raised())
    assert len(found) > 40
    assert [where for where, call in found if is_mute(call)] == []
