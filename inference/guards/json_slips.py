"""JSON as models write it, read with its slips mended. Entry point: ``mended``.

Only slips of form that have one reading: a fence or words around the value, a comma too many or missing, other quotes
or none around a key, comments, Python's constants, a line break or a bare quote within a string. What was cut off is
not mended, since half an answer is none; nor are two values, since nobody says which is meant. Text that is valid JSON
is never brought here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL)
_SPACE = re.compile(r"(?:\s|\ufeff)+")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|#[^\n]*", re.DOTALL)
_KEY = re.compile(r"[A-Za-z_$][\w$-]*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_STRICT_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
_SPLIT_NUMBER = re.compile(r"\d[ \t]+\d\Z")
_CLOSES = re.compile(r"\s*(?:[,:}\]]|\Z|//|/\*|#)|[ \t]*\n\s*[\"'“‘]")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}
_CONSTANTS = {
    "true": True,
    "false": False,
    "null": None,
    "True": True,
    "False": False,
    "None": None,
}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\"}


class Unmendable(ValueError):
    """It is not clear what the text would say as JSON; says why."""


def mended(text: str) -> tuple[Any, tuple[str, ...]]:
    """The one object or list in the text, and what had to be mended. Raises Unmendable, RecursionError."""
    fences = _FENCE.findall(text)
    if len(fences) > 1:
        raise Unmendable("there is more than one block of code")
    around = ["words or a fence around it"] if fences else []
    inner = fences[0] if fences else text
    problem = Unmendable("there is no object and no list in it")
    for start in (match.start() for match in re.finditer(r"[{\[]", inner)):
        reader = _Reader(inner, start)
        try:
            value = reader.value()
        except Unmendable as error:
            problem = error
            if inner[start] == "{":
                break
            continue
        if re.search(r"[{\[]", inner[reader.at :]):
            raise Unmendable("there is more than one value in it")
        if not fences and (inner[:start] + inner[reader.at :]).strip(" \t\r\n\ufeff"):
            around = ["words or a fence around it"]
        return value, tuple(dict.fromkeys([*around, *reader.slips]))
    raise problem


@dataclass
class _Reader:
    """Reads one value from ``at`` on."""

    text: str
    at: int
    slips: list[str] = field(default_factory=list)

    def value(self) -> Any:
        """Of any kind."""
        self._skip()
        here = self._here()
        if here == "{":
            return self._object()
        if here == "[":
            return self._list()
        if here in _QUOTES:
            return self._string()
        return self._literal()

    def _object(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.at += 1
        while not self._ended("}"):
            key = self._key()
            self._skip()
            if self._here() != ":":
                raise Unmendable(f"a colon is missing after {key!r}")
            self.at += 1
            if key in found:
                raise Unmendable(f"{key!r} stands there twice")
            found[key] = self.value()
            self._comma("}")
        return found

    def _list(self) -> list[Any]:
        found: list[Any] = []
        self.at += 1
        while not self._ended("]"):
            found.append(self.value())
            self._comma("]")
        return found

    def _ended(self, end: str) -> bool:
        self._skip()
        if not self._here():
            raise Unmendable("it was cut off")
        if self._here() != end:
            return False
        self.at += 1
        return True

    def _comma(self, end: str) -> None:
        """Between two members one comma; none before the end."""
        self._skip()
        if self._here() == ",":
            self.at += 1
            self._skip()
            if self._here() == end:
                self.slips.append("a comma too many")
        elif self._here() not in (end, ""):
            if _SPLIT_NUMBER.search(self.text[max(0, self.at - 30) : self.at + 1]):
                raise Unmendable("two numbers without a comma may be one")
            self.slips.append("a comma missing")

    def _key(self) -> str:
        if self._here() in _QUOTES:
            return self._string()
        match = _KEY.match(self.text, self.at)
        if match is None:
            raise Unmendable(f"a key is missing before {self.text[self.at : self.at + 20]!r}")
        self.slips.append("a key without quotes")
        self.at = match.end()
        return match[0]

    def _string(self) -> str:
        opening = self._here()
        closing, parts = _QUOTES[opening], []
        if opening != '"':
            self.slips.append("other quotes")
        self.at += 1
        while one := self._here():
            self.at += 1
            if one == "\\":
                parts.append(self._escaped())
            elif one == closing and _CLOSES.match(self.text, self.at):
                return "".join(parts)
            else:
                if one == closing or ord(one) < 32:
                    self.slips.append("a bare quote or line break in a string")
                parts.append(one)
        raise Unmendable("it was cut off within a string")

    def _escaped(self) -> str:
        one = self._here()
        self.at += 1
        if one == "u":
            match = re.compile(r"(?:[0-9a-fA-F]{4})(?:\\u[0-9a-fA-F]{4})*").match(
                self.text, self.at
            )
            if match is None:
                raise Unmendable("an escape of a character is incomplete")
            self.at = match.end()
            told: str = json.loads(f'"\\u{match[0]}"')
            return told
        if one in _ESCAPES or one in _QUOTES or one in _QUOTES.values():
            return _ESCAPES.get(one, one)
        if not one:
            raise Unmendable("it was cut off within a string")
        self.slips.append("a backslash that escapes nothing")
        return "\\" + one

    def _literal(self) -> Any:
        if match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            return self._number(match[0])
        match = _KEY.match(self.text, self.at)
        if match is None or match[0] not in _CONSTANTS:
            told = self.text[self.at : self.at + 20]
            raise Unmendable(f"no value: {told!r}" if told else "it was cut off")
        if match[0][0].isupper():
            self.slips.append("Python's constants")
        self.at = match.end()
        return _CONSTANTS[match[0]]

    def _number(self, told: str) -> int | float:
        if _STRICT_NUMBER.match(told):
            strict: int | float = json.loads(told)
            return strict
        if re.match(r"[+-]?0\d", told):
            raise Unmendable(f"{told} may be a number or a name")
        self.slips.append("a number in another form")
        return float(told) if re.search(r"[.eE]", told) else int(told)

    def _skip(self) -> None:
        """White space and comments."""
        while match := _SPACE.match(self.text, self.at) or _COMMENT.match(self.text, self.at):
            if match[0][0] in "/#":
                self.slips.append("a comment")
            self.at = match.end()

    def _here(self) -> str:
        return self.text[self.at : self.at + 1]
