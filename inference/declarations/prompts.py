"""Prompts: which text each label chooses. `built-in` stands for the shipped default.

Versions are immutable: a text that the tenant has as a version is labelled, another becomes a new version, and nothing
is rewritten. A canary that is left out ends. `prune` takes the labels from prompts that are not named; their versions
stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from inference.declarations.kinds import Applying, Change, Kind, Wrong
from inference.models import PromptLabel, PromptVersion
from inference.prompts import files, templates, versions
from inference.prompts.choosing import BUILT_IN
from inference.prompts.errors import PromptError
from inference.prompts.kinds import KINDS

Labels: TypeAlias = dict[str, PromptLabel]
TEXT = {
    "text": {"type": "string", "minLength": 1, "maxLength": templates.LONGEST_BODY},
    "note": {"type": "string", "maxLength": files.LONGEST_NOTE},
}
PERCENT = {
    "type": "integer",
    "minimum": 0,
    "maximum": 100,
    "description": "a whole number from 0 to 100",
}
PROMPT_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["production"],
    "properties": {
        "production": {
            "description": f"{BUILT_IN}, or text: with the prompt and perhaps note:",
            "anyOf": [
                {"const": BUILT_IN},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["text"],
                    "properties": TEXT,
                },
            ],
        },
        "canary": {
            "type": "object",
            "additionalProperties": False,
            "required": ["text", "percent"],
            "properties": {**TEXT, "percent": PERCENT},
        },
    },
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": dict.fromkeys(KINDS, PROMPT_SCHEMA),
}


def apply(section: Mapping[str, dict[str, Any]], run: Applying) -> None:
    """Some queries per prompt. Raises Wrong for a text that the code could not fill."""
    for name, declared in section.items():
        _prompt(name, declared, run)
    if run.prune:
        for name in KINDS.keys() - section.keys():
            _unlabelled(name, _labels(name), run)


def _prompt(name: str, declared: Mapping[str, Any], run: Applying) -> None:
    labels = _labels(name)
    production = declared["production"]
    given = {"text": BUILT_IN} if production == BUILT_IN else production
    _labelled(name, "production", given, labels.get("production"), run)
    if "canary" in declared:
        _labelled(name, "canary", declared["canary"], labels.get("canary"), run)
    else:
        _unlabelled(name, {key: row for key, row in labels.items() if key == "canary"}, run)


def _labelled(
    name: str, label: str, declared: Mapping[str, Any], row: PromptLabel | None, run: Applying
) -> None:
    version, percent = _version(name, label, declared), declared.get("percent", 100)
    # Without a label the shipped default answers already.
    if row is None and version is None:
        return
    if row and row.percent == percent and row.version_id == (version.pk if version else None):
        return
    before = _told(row)
    after = versions.label(prompt=name, name=label, version=version, percent=percent)
    _changed(name, label, before, _told(after), run)


def _version(name: str, label: str, declared: Mapping[str, Any]) -> PromptVersion | None:
    if declared["text"] == BUILT_IN:
        return None
    try:
        used = sorted(templates.parse(declared["text"]).variables)
        given = files.checked(name, declared["text"], used, declared.get("note", ""))
    except PromptError as error:
        raise Wrong((name, label, "text"), " ".join(error.messages)) from error
    # Uses index: prompt_version_number_once.
    same = PromptVersion.objects.filter(prompt__name=name, sha256=given.sha256)
    return same.order_by("-number").first() or versions.add(given)[0]


def _unlabelled(name: str, labels: Labels, run: Applying) -> None:
    for label, row in labels.items():
        versions.unlabel(prompt=name, name=label)
        _changed(name, label, _told(row), "-", run)


def _labels(name: str) -> Labels:
    # Uses index: prompt_name_once, prompt_label_once.
    rows = PromptLabel.objects.select_related("version").filter(prompt__name=name)
    return {row.name: row for row in rows.order_by("-name")}


def _told(row: PromptLabel | None) -> str:
    if row is None:
        return "-"
    version = f"version {row.version.number}" if row.version else BUILT_IN
    return version if row.name == PromptLabel.Name.PRODUCTION else f"{version} ({row.percent} %)"


def _changed(name: str, label: str, before: str, after: str, run: Applying) -> None:
    """For the report alone: the commands in `versions` leave their own audit events."""
    verb = "removed" if after == "-" else "added" if before == "-" else "changed"
    run.changes.append(Change(verb, "prompt", f"{name} {label}", {"version": (before, after)}))


def export() -> dict[str, Any] | None:
    """Every prompt that has a label, with the texts that answer."""
    found = {name: _labels(name) for name in KINDS}
    return {name: _exported(labels) for name, labels in found.items() if labels} or None


def _exported(labels: Labels) -> dict[str, Any]:
    production, canary = labels.get("production"), labels.get("canary")
    told: dict[str, Any] = {"production": BUILT_IN}
    if production and production.version:
        told["production"] = _text(production)
    if canary:
        told["canary"] = {"percent": canary.percent, **_text(canary)}
    return told


def _text(label: PromptLabel) -> dict[str, str]:
    if label.version is None:
        return {"text": BUILT_IN}
    note = {"note": label.version.note} if label.version.note else {}
    return {**note, "text": label.version.body}


KIND = Kind("prompts", SCHEMA, apply, export)
