"""Attacks and harmless lookalikes from small grammars: many ways of asking for many things.

``attacks`` gives (family, text). No wish stands in two families, so leaving a family out leaves its wishes out as well:
what is measured is how an attack is taken of which neither the manner nor the aim was seen. ``commands`` are what
people ask assistants for, ``notices`` what manuals, letters, policies and web pages tell their readers; they speak in
the imperative, too, of passwords, rules and systems, but to nobody's model. Both give (the template's number, text).

The templates are in ``texts``: one a line, ``\\n`` for a new line, ``{slot}`` for one of that slot's words (which stand
between bars in the files of words), and in the attacks a family's name after ``#``.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
# Of each template so many variants.
EACH_ATTACK, EACH_COMMAND, EACH_NOTICE = 8, 8, 4
# How often an attack stands behind something harmless, or has more of its family behind it, as long ones do.
BEHIND, LONGER = 0.2, 0.15
_SLOT = re.compile(r"\{(\w+)\}")
Words = Mapping[str, Sequence[str]]


def attacks() -> Iterator[tuple[str, str]]:
    """The same texts every time."""
    chance, words, openings = random.Random(11), _words("attack_words"), _lines("openings")  # noqa: S311
    families = _families()
    for number, (family, templates) in enumerate(families.items()):
        own = {**words, "wish": _lines("wishes")[number :: len(families)]}
        for template in templates:
            told: dict[str, None] = {}
            for _ in range(EACH_ATTACK):
                text, way = _filled(template, own, chance), chance.random()
                if way < BEHIND:
                    text = f"{chance.choice(openings)} {text}"
                elif way < BEHIND + LONGER:
                    more = chance.choices(templates, k=chance.randint(1, 4))
                    text = " ".join([text, *(_filled(one, own, chance) for one in more)])
                told[text] = None
            yield from ((family, text) for text in told)


def commands() -> Iterator[tuple[int, str]]:
    """What people ask for."""
    return _ordinary("commands", EACH_COMMAND)


def notices() -> Iterator[tuple[int, str]]:
    """What documents tell their readers."""
    return _ordinary("notices", EACH_NOTICE)


def _ordinary(name: str, each: int) -> Iterator[tuple[int, str]]:
    chance, words = random.Random(name), _words("ordinary_words")  # noqa: S311 - the same every time
    for number, template in enumerate(_lines(name)):
        told = {_filled(template, words, chance): None for _ in range(each)}
        yield from ((number, text) for text in told)


def _filled(template: str, words: Words, chance: random.Random) -> str:
    """With its slots filled, also those of what fills them; some loud, some without a capital or a full stop."""
    told = template
    while _SLOT.search(told):
        told = _SLOT.sub(lambda match: chance.choice(words[match[1]]), told)
    told = re.sub(r" {2,}", " ", told).strip()
    told, style = told[:1].upper() + told[1:], chance.random()
    if style < 0.05:
        return told.upper()
    if style < 0.17:
        return told.lower().rstrip(".")
    return told.rstrip(".") if style < 0.27 else told


def _lines(name: str) -> list[str]:
    text = (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    return [line.replace("\\n", "\n") for line in text.splitlines()]


def _words(name: str) -> dict[str, list[str]]:
    split = (line.split(": ", 1) for line in _lines(name))
    return {slot: told.split(" | ") for slot, told in split}


def _families() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _lines("attacks"):
        if line.startswith("# "):
            family = found.setdefault(line[2:], [])
        else:
            family.append(line)
    return found
