"""A source's settings, checked against the fields of its kind: the same rules for the form, the API and the shell."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from ingestion.syncing.kind import ConfigError, Field, Kind
from tenants.outbound import OutboundRefused

LONGEST_TEXT = 4000
MOST_LINES = 1000


def cleaned(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the kind but the secret ones, defaults included. Raises ValidationError by field."""
    known = {field.name: field for field in kind.fields if field.kind != "secret"}
    problems = {
        name: f"{kind.label} has no such setting; it has {', '.join(known) or 'none'}."
        for name in given
        if name not in known
    }
    config: dict[str, Any] = {}
    for name, field in known.items():
        try:
            config[name] = _value(field, given.get(name, field.default))
        except ConfigError as error:
            problems[error.field] = error.message
    if problems:
        raise ValidationError({name: [text] for name, text in problems.items()})
    try:
        kind.check(config)
    except ConfigError as error:
        raise ValidationError({error.field: [error.message]}) from error
    except OutboundRefused as refusal:
        raise ValidationError({_address_field(kind): [str(refusal)]}) from refusal
    return config


def cleaned_secrets(kind: Kind, given: Mapping[str, Any]) -> dict[str, str]:
    """The secret settings that are not empty. Raises ValidationError."""
    known = {field.name: field for field in kind.fields if field.kind == "secret"}
    problems = {
        name: [f"{kind.label} takes no such credential; it takes {', '.join(known) or 'none'}."]
        for name in given
        if name not in known
    }
    if problems:
        raise ValidationError(problems)
    found = {name: _text(known[name], value) for name, value in given.items()}
    return {name: value for name, value in found.items() if value}


def _address_field(kind: Kind) -> str:
    """The setting that an address refused by policy stands in."""
    names = [field.name for field in kind.fields if field.required]
    return names[0] if names else "config"


def _value(field: Field, value: Any) -> Any:
    found = _READERS[field.kind](field, value)
    if field.required and not found:
        raise ConfigError(field.name, f"{field.label}: this is needed.")
    return found


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise ConfigError(field.name, f"{field.label}: expected a text.")
    if len(value) > LONGEST_TEXT or "\0" in value:
        raise ConfigError(
            field.name, f"{field.label}: at most {LONGEST_TEXT:,} characters, no NUL."
        )
    return value.strip()


def _lines(field: Field, value: Any) -> list[str]:
    found = value.splitlines() if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(line, str) for line in found):
        raise ConfigError(field.name, f"{field.label}: expected a list of texts, or lines.")
    if len(found) > MOST_LINES:
        raise ConfigError(field.name, f"{field.label}: at most {MOST_LINES:,} lines.")
    lines = [_text(field, line) for line in found]
    return list(dict.fromkeys(line for line in lines if line))


def _number(field: Field, value: Any) -> int:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(field.name, f"{field.label}: expected a whole number.")
    if not field.least <= value <= field.most:
        raise ConfigError(
            field.name, f"{field.label}: expected a number from {field.least:,} to {field.most:,}."
        )
    return value


def _flag(field: Field, value: Any) -> bool:
    words = {
        "yes": True,
        "true": True,
        "on": True,
        "no": False,
        "false": False,
        "off": False,
        "": False,
    }
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if not isinstance(value, bool):
        raise ConfigError(field.name, f"{field.label}: expected yes or no.")
    return value


def _choice(field: Field, value: Any) -> str:
    names = [name for name, _ in field.choices]
    if value not in names:
        raise ConfigError(field.name, f"{field.label}: expected one of {', '.join(names)}.")
    return str(value)


_READERS = {
    "text": _text,
    "lines": _lines,
    "number": _number,
    "flag": _flag,
    "choice": _choice,
    "secret": _text,
}
