"""A prompt's text: messages with variables in them, checked before anybody is asked.

    <<system>>                      a message; its role is system, user or assistant
    You answer questions ...
    <<system, if instructions>>     left out when the variable is empty
    {{ instructions }}
    <<history>>                     where the earlier turns of the conversation go
    <<user>>
    {{ passages }} {{ question }}

Entry points: ``parse`` and ``Template.render``. Values are put in as they are, once: what a passage says in braces is
not a variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from inference.prompts.errors import PromptError
from inference.prompts.kinds import Kind
from inference.types import Message, Role

HISTORY = "history"
LONGEST_BODY = 60_000
_HEAD = re.compile(r"^<<\s*(\w+)\s*(?:,\s*if\s+(\w+)\s*)?>>[ \t]*$", re.MULTILINE)
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Section:
    """One message of the template; ``only_if`` names the variable without which it is left out."""

    role: str
    text: str
    only_if: str = ""

    @property
    def variables(self) -> frozenset[str]:
        """What it needs."""
        return frozenset(_VARIABLE.findall(self.text)) | ({self.only_if} - {""})

    def filled(self, values: Mapping[str, str]) -> Message:
        text = _VARIABLE.sub(lambda match: values[match[1]], self.text)
        return Message(cast(Role, self.role), text)


@dataclass(frozen=True)
class Template:
    """A parsed prompt."""

    sections: tuple[Section, ...]

    @property
    def variables(self) -> frozenset[str]:
        """Every variable that is used."""
        return frozenset().union(*(section.variables for section in self.sections))

    def render(self, values: Mapping[str, str], history: Sequence[Message] = ()) -> list[Message]:
        """The messages. Raises KeyError for a variable without a value: ``check`` keeps that from happening."""
        told: list[Message] = []
        for section in self.sections:
            if section.role == HISTORY:
                told += history
            elif not section.only_if or values[section.only_if].strip():
                told.append(section.filled(values))
        return told


def parse(body: str) -> Template:
    """Raises PromptError saying what is wrong and where."""
    if len(body) > LONGEST_BODY:
        raise PromptError(f"A prompt has at most {LONGEST_BODY:,} characters, not {len(body):,}.")
    heads = list(_HEAD.finditer(body))
    if not heads or body[: heads[0].start()].strip():
        raise PromptError("A prompt begins with a line <<system>> or <<user>>.")
    ends = [head.start() for head in heads[1:]] + [len(body)]
    return Template(
        tuple(
            _section(head, body[head.end() : end].strip("\n"))
            for head, end in zip(heads, ends, strict=True)
        )
    )


def _section(head: re.Match[str], text: str) -> Section:
    role, only_if = head[1], head[2] or ""
    if role not in (*_ROLES, HISTORY):
        raise PromptError(f"<<{role}>>: a message is system, user, assistant or history.")
    if role == HISTORY and text.strip():
        raise PromptError("<<history>> stands alone: the earlier turns go there, no text.")
    if role != HISTORY and not text.strip():
        raise PromptError(f"The message <<{role}>> is empty.")
    return Section(role, text, only_if)


def check(template: Template, kind: Kind, declared: Sequence[str]) -> None:
    """Raises PromptError unless the code can fill the template and a provider can cache its beginning."""
    used = template.variables
    for name in sorted(used - kind.offers.keys()):
        known = ", ".join(sorted(kind.offers))
        raise PromptError(f"{{{{ {name} }}}} is not offered to {kind.name}; offered: {known}.")
    for name in sorted(used - set(declared)):
        raise PromptError(f"{{{{ {name} }}}} is used but not declared in `variables`.")
    for name in sorted(set(declared) - used):
        raise PromptError(f"{name} is declared in `variables` but not used.")
    for name in sorted(kind.requires - used):
        raise PromptError(f"{{{{ {name} }}}} is missing: {kind.offers[name]}")
    _check_order(template, kind)


def _check_order(template: Template, kind: Kind) -> None:
    *earlier, last = template.sections
    if last.role != "user" or last.only_if:
        raise PromptError("The last message is <<user>>, without a condition.")
    for section in earlier:
        for name in sorted(section.variables & kind.volatile):
            raise PromptError(
                f"{{{{ {name} }}}} belongs into the last message: whatever comes after it cannot be cached by the"
                " provider."
            )
