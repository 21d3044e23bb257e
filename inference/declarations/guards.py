"""Guards: what each of them does. A guard that is left out does as before; `prune` brings back its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from inference.declarations.kinds import Applying, Change, Kind, Wrong
from inference.guards import policies
from inference.guards.policies import DEFAULTS, Setting
from inference.guards.registry import GUARDS


def _guard_schema(name: str) -> dict[str, Any]:
    told = list(GUARDS[name].actions)
    # YAML reads a bare `off` as false.
    actions = [*told, False] if "off" in told else told
    options = policies.OPTIONS.get(name, {})
    return {
        "description": f"one of {', '.join(told)}, or does: with one of them and options",
        "anyOf": [
            {"enum": actions},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["does"],
                "properties": {"does": {"enum": actions}, **options},
            },
        ],
    }


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {name: _guard_schema(name) for name in GUARDS},
}


def apply(section: Mapping[str, Any], run: Applying) -> None:
    """One query, and some per guard that differs. Raises Wrong for an option that cannot be."""
    now = policies.read().settings
    wanted = {name: _declared(told) for name, told in section.items()}
    if run.prune:
        wanted = {**DEFAULTS.settings, **wanted}
    for name, setting in wanted.items():
        _set(name, now[name], setting, run)


def _declared(told: Any) -> Setting:
    given = told if isinstance(told, dict) else {"does": told}
    options = {key: value for key, value in given.items() if key != "does"}
    return Setting(given["does"] or "off", options)


def _set(name: str, before: Setting, wanted: Setting, run: Applying) -> None:
    try:
        options = policies.checked(name, wanted.options)
        old, new = _plain(before.action, before.options), _plain(wanted.action, options)
        if old == new:
            return
        policies.set_action(name, wanted.action, options)
    except ValidationError as error:
        raise Wrong((name,), " ".join(error.messages)) from error
    differ = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    told = {key: (_said(old.get(key)), _said(new.get(key))) for key in differ}
    run.changes.append(Change("changed", "guard", name, told))


def _plain(action: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that say nothing are left out."""
    known = {key: value for key, value in options.items() if value not in ([], None, False)}
    return {"does": action, **known}


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if value is None:
        return "-"
    return "yes" if value is True else str(value)


def export() -> dict[str, Any] | None:
    """The guards that do not do as shipped. One query."""
    found = {
        name: _exported(setting)
        for name, setting in policies.read().settings.items()
        if _plain(setting.action, setting.options) != {"does": DEFAULTS.settings[name].action}
    }
    return found or None


def _exported(setting: Setting) -> Any:
    told = _plain(setting.action, setting.options)
    return told if len(told) > 1 else setting.action


KIND = Kind("guards", SCHEMA, apply, export)
