"""Signs that evidence says the opposite of a claim, from words alone: English word lists, general and few.

Entry point: ``signs``. Each compares the claim with the evidence's sentences that share most words with it: one
negates and the other does not, one speaks of more and the other of less, a quantity has another number, a name is
another's. How much each one weighs was fitted on SciFact (``benchmarks/guards.py`` measures it).
"""

from __future__ import annotations

import re

from inference.facts import facts

# What turns a statement round; a pair of them turns it back.
_NEGATES = re.compile(
    r"(?i)\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing|\w+n[’']t|fail(?:s|ed)? to|lacks?|lacked"
    r"|lacking|absen(?:t|ce)|unable|unlikely|insufficient|independent(?:ly)? of|rather than|instead of"
    r"|little (?:effect|evidence|or no)|nicht|kein\w*|nie|jamais|nunca)\b"
)
# Beginnings of words; what one side of a line says, the other denies.
_OPPOSITES = (
    "increas elevat rais higher greater more gain grow grew rise risen rose upregulat up-regulat enhanc augment exce"
    " boost|decreas reduc lower less fewer loss lose lost declin fell fall drop downregulat down-regulat"
    " diminish attenuat suppress",
    "activat promot induc stimulat facilitat trigger enabl"
    "|inhibit suppress block prevent abolish impair disabl abrogat",
    "improv benefi better protect|worse harm damag deteriorat impair aggravat",
    "positiv|negativ", "sensitiv susceptib vulnerab|resistan insensitiv immun", "high|low", "early|late",
    "presen contain includ|absen exclud omit", "allow permit may can|forbid prohibit forbidden cannot deni",
    "always every all|never none some rare seldom", "before|after", "minimum least|maximum most",
    "accept|reject refus", "required mandatory must|optional voluntary", "open|clos", "start begin began|end stop ceas",
    "same identical similar|differ", "larg big long|small short tiny", "success|fail", "first|last",
    "male men|female women", "internal|external", "common frequent|rare uncommon infrequent", "caus|prevent",
    "depend|independ", "stable|unstable", "north east|south west", "public|private", "win won|los lost", "young|old",
    "fast quick rapid|slow", "essential necessary requir|dispensab unnecessary",
)  # fmt: skip
_SIDES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = tuple(
    (tuple(one.split()), tuple(other.split()))
    for one, other in (line.split("|") for line in _OPPOSITES)
)
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_QUANTITY = re.compile(r"(\d+(?:[.,]\d+)*)\s*(%|[a-zA-Zµ°]+)?")


def signs(claim: str, nearest: str, evidence: str) -> dict[str, float]:
    """Each sign from 0 to 1. ``nearest``: the evidence's sentence that shares most with the claim."""
    asked, told = facts(claim), facts(evidence)
    return {
        "number": float(bool(asked.numbers - told.numbers)),
        "quantity": float(_other_quantity(claim, evidence)),
        "name": float(bool(asked.names - told.words_and_stems)),
        "negation": float(_negations(claim) % 2 != _negations(nearest) % 2),
        "direction": _opposed(claim, nearest),
    }


def _negations(text: str) -> int:
    return len(_NEGATES.findall(text))


def _opposed(claim: str, nearest: str) -> float:
    """The share of the pairs that the claim speaks of, of which the evidence says only the other side."""
    said, told = _WORD.findall(claim.lower()), _WORD.findall(nearest.lower())
    spoken, opposed = 0, 0
    for pair in _SIDES:
        for mine, others in (pair, pair[::-1]):
            if _has(said, mine) and not _has(said, others):
                spoken += 1
                opposed += _has(told, others) and not _has(told, mine)
    return opposed / spoken if spoken else 0.0


def _has(words: list[str], beginnings: tuple[str, ...]) -> bool:
    return any(word.startswith(beginnings) for word in words)


def _other_quantity(claim: str, evidence: str) -> bool:
    """Whether the evidence counts something that the claim counts, and has another number for it."""
    told: dict[str, set[str]] = {}
    for number, unit in _QUANTITY.findall(evidence):
        told.setdefault(unit.lower(), set()).add(number)
    return any(
        unit and unit.lower() in told and number not in told[unit.lower()]
        for number, unit in _QUANTITY.findall(claim)
    )
