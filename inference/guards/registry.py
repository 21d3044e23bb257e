"""The guards: one line each. ``detect`` reads one text; what it may know besides stands in ``About``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference.guards import citations, injection, json_schema, links, pii, secrets, support
from inference.guards.findings import Action, Finding, Stage, Where, masked
from inference.types import Judge, Passage

MOST_CHARACTERS = 20_000


@dataclass(frozen=True)
class About:
    """Of the text: where it stands, the tenant's options for the guard, the passages, and the JSON schema."""

    where: Where
    options: Mapping[str, Any] = field(default_factory=dict)
    passages: Sequence[Passage] = ()
    schema: Mapping[str, Any] | None = None
    embed: support.Embed | None = None
    judge: Judge | None = None


@dataclass(frozen=True)
class Guard:
    """``personal``: what it finds is masked wherever it is kept. ``told`` is for whoever is refused.

    ``on_passages``: it reads passages, too, and to redact means to leave those out. ``by_sentence``: what it finds is
    about a whole sentence, so that it reads none twice for what came before.
    """

    name: str
    stage: Stage
    title: str
    explains: str
    detect: Callable[[str, About], list[Finding]]
    default: Action
    actions: tuple[Action, ...]
    told: str
    personal: bool = False
    on_passages: bool = False
    by_sentence: bool = False

    def excerpt(self, text: str, found: Finding) -> str:
        """What of the text is kept with a finding."""
        part = text[found.start : found.end] if found.end else text
        return masked(part) if self.personal else part[:200].replace("\n", " ")


def _injection(text: str, about: About) -> list[Finding]:
    if about.where == "passage":
        return list(injection.in_passage(text))
    return injection.in_message(text)


def _length(text: str, about: About) -> list[Finding]:
    most = int(about.options.get("most", MOST_CHARACTERS))
    over = about.where != "passage" and len(text) > most
    return [Finding("too-long", most, len(text), says=str(most))] if over else []


def _links(text: str, about: About) -> list[Finding]:
    return links.detect(text, about.options.get("allowed", ()))


def _json(text: str, about: About) -> list[Finding]:
    return [] if about.schema is None else json_schema.detect(text, about.schema)


def _support(text: str, about: About) -> list[Finding]:
    """A sentence that cites is held against the passages that it cites; one that does not, against all."""
    if not about.passages or len(text.split()) < support.FEWEST_WORDS:
        return []
    cited = {int(mark) for mark in support.MARK.findall(text)}
    told = [one.text for one in about.passages if not cited or one.n in cited]
    if about.judge and (verdict := about.judge(support.MARK.sub("", text).strip(), told)):
        return [] if verdict == "supported" else [Finding(verdict, 0, len(text), 1.0, "judged")]
    found = support.score(support.MARK.sub("", text), told, about.embed)
    if found.value >= float(about.options.get("threshold", support.SUPPORTED)):
        return []
    return [Finding("unsupported", 0, len(text), 1 - found.value, ", ".join(found.disagrees))]


# From the least to the most that can be done.
ALL: tuple[Action, ...] = ("off", "warn", "redact", "block")
GUARDS: dict[str, Guard] = {
    guard.name: guard
    for guard in (
        Guard(
            "injection",
            "input",
            "Injection",
            "Text that speaks to the model: in questions and in passages. Redact leaves"
            " suspicious passages out; block also refuses the question.",
            _injection,
            "warn",
            ALL,
            "Your question looks like instructions to the model. Please ask it in plain words.",
            on_passages=True,
        ),
        Guard(
            "personal-in",
            "input",
            "Personal data, to the model",
            "E-mail addresses, telephone, card and account numbers,"
            " national ids, IP addresses, before they leave for a provider.",
            lambda text, _: pii.detect(text),
            "off",
            ALL,
            "Your question contains personal data. Please leave it out.",
            personal=True,
        ),
        Guard(
            "length",
            "input",
            "Length",
            "Questions of more characters than allowed.",
            _length,
            "block",
            ("off", "warn", "block"),
            "Your question is too long. Please shorten it.",
        ),
        Guard(
            "personal-out",
            "output",
            "Personal data, in answers",
            "The same, in what a model writes.",
            lambda text, _: pii.detect(text),
            "off",
            ALL,
            "The answer contained personal data and was withheld.",
            personal=True,
        ),
        Guard(
            "secrets",
            "output",
            "Secrets",
            "Keys and passwords: shapes that vendors publish, random values beside a word"
            " that says secret.",
            lambda text, _: secrets.detect(text),
            "warn",
            ALL,
            "The answer contained a key or a password and was withheld.",
            personal=True,
        ),
        Guard(
            "links",
            "output",
            "Links and images",
            "What leads to a host that is not on the list.",
            _links,
            "warn",
            ALL,
            "The answer contained a link to an address that is not allowed, and was withheld.",
        ),
        Guard(
            "citations",
            "output",
            "Citations",
            "Marks that point at no passage.",
            lambda text, about: (
                citations.detect(text, len(about.passages)) if about.passages else []
            ),
            "warn",
            ALL,
            "The answer cited sources that do not exist, and was withheld.",
            by_sentence=True,
        ),
        Guard(
            "support",
            "output",
            "Support",
            "Sentences that the cited passages do not bear out.",
            _support,
            "off",
            ALL,
            "The answer was not borne out by the documents, and was withheld.",
            by_sentence=True,
        ),
        Guard(
            "json",
            "form",
            "JSON by schema",
            "Answers that were asked for in a form. Warn mends slips of form, else asks the model once more,"
            " and notes both; block takes only what is valid as it stands. Never anything but the form is given.",
            _json,
            "warn",
            ("warn", "block"),
            "The model did not answer in the form that was asked for.",
        ),
    )
}
