"""Prompts as files: YAML front matter between two lines of three dashes, then the template.

    ---
    prompt: answer
    note: Shorter answers.
    variables: [no_answer, passages, question]
    ---
    <<system>>
    ...

Entry points: ``read``, ``write``, ``built_in``. Front matter knows these three keys and refuses others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any
from uuid import UUID, uuid5

import yaml

from inference.prompts.errors import PromptError, UnknownPrompt
from inference.prompts.kinds import KINDS
from inference.prompts.templates import Template, check, parse

# Gives the shipped texts the same ids everywhere, so that ledgers can name them without a row.
BUILT_IN = UUID("7d1f6a52-1c0f-5f38-9c43-2f0b6a1e8d11")
LONGEST_NOTE = 500


@dataclass(frozen=True)
class PromptFile:
    """A prompt as a file holds it; checked."""

    prompt: str
    body: str
    variables: tuple[str, ...]
    note: str = ""

    @property
    def template(self) -> Template:
        return parse(self.body)

    @property
    def sha256(self) -> str:
        """Of the text that a model is told."""
        return hashlib.sha256(self.body.encode()).hexdigest()


def read(text: str) -> PromptFile:
    """The prompt in a file's text. Raises PromptError."""
    lines = text.replace("\r\n", "\n").lstrip("\ufeff\n").split("\n")
    if lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        raise PromptError("A prompt's file begins with front matter between two lines `---`.")
    end = next(n for n, line in enumerate(lines) if n and line.strip() == "---")
    head = _front_matter("\n".join(lines[1:end]))
    return checked(head["prompt"], "\n".join(lines[end + 1 :]), head["variables"], head["note"])


def checked(prompt: str, body: str, variables: list[str], note: str = "") -> PromptFile:
    """The same as a value. Raises PromptError naming what is wrong."""
    kind = KINDS.get(prompt)
    if kind is None:
        raise PromptError(f"There is no prompt {prompt!r}; there are: {', '.join(KINDS)}.")
    if len(note) > LONGEST_NOTE:
        raise PromptError(f"The note has at most {LONGEST_NOTE} characters, not {len(note)}.")
    body = body.replace("\r\n", "\n").strip("\n") + "\n"
    if "\x00" in body + note:
        raise PromptError("A prompt holds no NUL characters.")
    check(parse(body), kind, variables)
    return PromptFile(prompt, body, tuple(sorted(variables)), note.strip())


def _front_matter(text: str) -> dict[str, Any]:
    try:
        head = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PromptError(f"The front matter is no YAML: {error}") from error
    if not isinstance(head, dict):
        raise PromptError("The front matter is a mapping with prompt, note and variables.")
    if unknown := set(head) - {"prompt", "note", "variables"}:
        raise PromptError(f"Unknown key {sorted(map(str, unknown))[0]!r} in the front matter.")
    names = head.get("variables")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PromptError("variables: a list of names, such as [passages, question].")
    return {
        "prompt": str(head.get("prompt", "")),
        "note": str(head.get("note") or ""),
        "variables": names,
    }


def write(prompt: PromptFile) -> str:
    """The file's text; ``read(write(p)) == p``."""
    head = {"prompt": prompt.prompt, "note": prompt.note, "variables": list(prompt.variables)}
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return f"---\n{front}---\n{prompt.body}"


@cache
def built_in(name: str) -> PromptFile:
    """The shipped default. Raises UnknownPrompt."""
    if name not in KINDS:
        raise UnknownPrompt(name)
    place = resources.files("inference").joinpath("prompts", "defaults", f"{name}.md")
    return read(place.read_text(encoding="utf-8"))


def built_in_id(name: str) -> UUID:
    """What ledger rows call the shipped default: another text has another id."""
    return uuid5(BUILT_IN, f"{name}:{built_in(name).sha256}")
