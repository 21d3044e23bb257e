"""JSON broken as models break it: each kind of slip in many random values, with the value that is meant."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

EACH = 60
# What strings hold besides words: whatever could be taken for the form around it.
WORDS = (
    "leave", "it's", 'a "quoted" word', "a, b: c", "{x}", "[1]", "naïve", "日本", "line\nbreak", "tab\there",
    "C:\\temp", "// no comment", "# 3", "True", "None", "null", "https://a.example/b?c=d", "", "12", "3.5 kg",
    "``` code", "}", "end,",
)  # fmt: skip
KEYS = ("weeks", "title", "open", "items", "max_days", "note", "a", "total", "by")
Break = Callable[[str, Any], str]


def values(seed: int) -> Iterator[dict[str, Any]]:
    """Objects of up to three levels, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - the same values every time

    def made(depth: int) -> Any:
        kind = chance.randrange(7 if depth else 5)
        if kind == 0:
            return chance.choice((True, False, None))
        if kind == 1:
            return chance.choice((0, 7, -3, 2.5, 1e-3, 1_000_000))
        if kind < 5:
            return " ".join(chance.choices(WORDS, k=chance.randrange(1, 4)))
        if kind == 5:
            return [made(depth - 1) for _ in range(chance.randrange(4))]
        return {key: made(depth - 1) for key in chance.sample(KEYS, chance.randrange(1, 4))}

    while True:
        found = {key: made(2) for key in chance.sample(KEYS, chance.randrange(2, 5))}
        yield {**found, "last": made(1)}


def plain(value: Any) -> Any:
    """Without what would make a slip ambiguous: strings of letters alone."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return "plain words" if isinstance(value, str) else value


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


VALID: dict[str, Break] = {
    "valid": lambda _, value: json.dumps(value),
    "valid, indented": lambda _, value: pretty(value),
    "valid, in a fence": lambda _, value: f"```json\n{pretty(value)}\n```",
}
SLIPS: dict[str, Break] = {
    "words around it": lambda _, value: f"Sure! Here it is:\n{pretty(value)}\nAnything else?",
    "a fence and words": lambda _, value: f"Here you go:\n```json\n{json.dumps(value)}\n```\nDone.",
    "comma before the end": lambda text, _: re.sub(r"\n(\s*)([}\]])", r",\n\1\2", text),
    "comma missing": lambda text, _: re.sub(r",\n", "\n", text, count=1),
    "single quotes": lambda _, value: repr(plain(value)),
    "Python's constants": lambda _, value: (
        f'{{"x": {[True, None, False]!r}, "rest": {json.dumps(value)}}}'
    ),
    "keys without quotes": lambda text, _: re.sub(r'(?m)^(\s*)"(\w+)":', r"\1\2:", text),
    "typographic quotes": lambda _, value: re.sub(r'"([^"]*)"', "“\\1”", json.dumps(plain(value))),
    "comments": lambda text, _: re.sub(r",\n", ",  // as asked\n", text, count=2),
    "line break in a string": lambda text, _: re.sub(r"(?<!\\)\\n", "\n", text),
    "bare quotes in a string": lambda text, _: text.replace('\\"', '"'),
    "a string around it": lambda _, value: json.dumps(json.dumps(value)),
    "byte order mark": lambda text, _: "\ufeff" + text,
}
# What is not mended: nobody knows the rest, or which one is meant.
LOST: dict[str, Break] = {
    "cut off": lambda text, _: text[: len(text) * 3 // 4],
    "two values": lambda text, _: f"{text}\n{text}",
    "NaN": lambda _, value: f'{{"x": NaN, "rest": {json.dumps(value)}}}',
}


def cases() -> Iterator[tuple[str, str, Any]]:
    """(kind, text, the value that is meant)."""
    for number, (kind, broken) in enumerate({**VALID, **SLIPS, **LOST}.items()):
        made = values(number)
        done = 0
        while done < EACH:
            value = next(made)
            text = broken(pretty(value), value)
            if kind not in VALID and _is_json(text, kind):
                continue
            done += 1
            yield kind, text, meant(kind, value)


def meant(kind: str, value: Any) -> Any:
    """What a reader would take the broken text for."""
    if kind in ("single quotes", "typographic quotes"):
        return plain(value)
    if kind == "Python's constants":
        return {"x": [True, None, False], "rest": value}
    return value


def _is_json(text: str, kind: str) -> bool:
    """Whether the slip did nothing to this value."""
    if kind in ("a string around it", "NaN"):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
