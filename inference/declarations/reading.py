"""A declaration file as data, with the line of every part, so that an error can say where it is.

Entry point: `read`. YAML is read by its safe loader; keys that stand twice are errors, since the first would be lost.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from jsonschema import Draft202012Validator, TypeChecker, validators
from jsonschema.exceptions import ValidationError

from inference.declarations.kinds import Kind, Path

LARGEST_FILE = 2_000_000
# NUL, and halves of a pair of UTF-16.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class BadDeclaration(ValueError):
    """The file cannot be applied: one problem per line, each with its place."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Declaration:
    """The checked file. `lines` are counted from 1."""

    data: Mapping[str, Any]
    lines: Mapping[Path, int]

    def place(self, path: Path) -> str:
        """Where in the file, in words: `line 7, providers[0].base_url`."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        return f"line {self.lines.get(known, 1)}, {_dotted(path)}"


def read(text: str, kinds: tuple[Kind, ...]) -> Declaration:
    """Raises BadDeclaration with everything that is wrong as far as the schema can tell."""
    if len(text) > LARGEST_FILE:
        raise BadDeclaration([f"the file is larger than {LARGEST_FILE} characters"])
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadDeclaration([_yaml_problem(error)]) from error
    if node is None or not isinstance(data, dict):
        raise BadDeclaration(["line 1: expected sections such as providers: and routes:"])
    lines, twice = _positions(node)
    declaration = Declaration(data, lines)
    wrong = _Validator(_schema(kinds)).iter_errors(data)
    found = [*twice, *_unstorable(text), *(_problem(one, declaration) for one in wrong)]
    if found:
        raise BadDeclaration(list(dict.fromkeys(found)))
    return declaration


def _unstorable(text: str) -> list[str]:
    """YAML can write what no database column holds."""
    return [
        f"line {token.start_mark.line + 1}: a character that cannot be kept"
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken) and _UNSTORABLE.search(token.value)
    ]


def _is_finite(_: TypeChecker, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)


def _schema(kinds: tuple[Kind, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"tenant": {"type": "string"}, **{one.name: one.schema for one in kinds}},
    }


def _positions(root: yaml.Node) -> tuple[dict[Path, int], list[str]]:
    lines: dict[Path, int] = {}
    twice: list[str] = []
    for path, node in _walk(root, ()):
        line = node.start_mark.line + 1
        if path in lines:
            twice.append(f"line {line}, {_dotted(path)}: stands there twice")
        lines.setdefault(path, line)
    return lines, twice


def _walk(node: yaml.Node, path: Path) -> Iterator[tuple[Path, yaml.Node]]:
    """Every part with its path; a value's place is that of its key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield inner, key
            yield from _walk(value, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value
            yield from _walk(value, (*path, index))


def _problem(error: ValidationError, declaration: Declaration) -> str:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
        extra = sorted(set(error.instance) - set(known))
        place = declaration.place((*path, extra[0]))
        return f"{place}: unknown; expected one of {', '.join(sorted(known))}"
    if path and path[-1] == "key":
        # Whatever stands there may be the key itself.
        return f"{declaration.place(path)}: a key is a reference to the environment, such as ${{OPENAI_API_KEY}}"
    expected = error.schema.get("description") if isinstance(error.schema, dict) else None
    what = f"expected {expected}" if expected else _in_words(error)
    return f"{declaration.place(path)}: {what}"


# What YAML calls the types of JSON schema.
TYPES = {
    "array": "a list",
    "object": "fields with values",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def _in_words(error: ValidationError) -> str:
    """Without the words of schemas, which are Python's and JavaScript's."""
    instance: Any = error.instance
    given = repr(instance)[:100]
    match error.validator, error.validator_value:
        case "type", str(name):
            return f"expected {TYPES[name]}, got {given}"
        case "type", list(names):
            return f"expected {' or '.join(TYPES[name] for name in names)}, got {given}"
        case "enum", list(values):
            return f"expected one of {', '.join(map(str, values))}, got {given}"
        case "required", list(names):
            missing = [name for name in names if name not in instance]
            return f"{', '.join(missing)} is missing"
    return error.message[:200]


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1 if mark else 1}: {what}"


def _dotted(path: Path) -> str:
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
    return text.removeprefix(".") or "the file"


# YAML has .nan and .inf, which every comparison with a bound lets through or none does.
_Validator = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("number", _is_finite),
)
