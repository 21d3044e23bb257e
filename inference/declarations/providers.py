"""Providers with their models. A key is a reference to the environment, `${NAME}`, and is never shown.

A field that is left out has its default; a key that is left out stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from inference.declarations.kinds import Applying, Kind, Wrong, named_once
from inference.encryption import decrypt, encrypt
from inference.errors import EncryptionError
from inference.models import Model, Provider
from inference.providers.provider import fits_header

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
PRICES = {"input": "input_price", "cached": "cached_price", "output": "output_price"}
NAME = {"type": "string", "minLength": 1, "maxLength": 200}
PRICE = {
    "type": ["number", "null"],
    "minimum": 0,
    "maximum": 999_999,
    "description": "USD per million tokens: a number from 0 to 999999",
}
# Of the file, and of the row where the two differ.
MODEL_FIELDS = {
    "kind": ("kind", "chat"),
    "tier": ("tier", "standard"),
    "context_window": ("context_window", 128_000),
    "tools": ("tools", True),
    "json": ("json_output", True),
    "vision": ("vision", False),
    "enabled": ("enabled", True),
    "default": ("is_default", False),
}
WORDS = {column: field for field, (column, _) in MODEL_FIELDS.items()} | {
    column: f"prices.{field}" for field, column in PRICES.items()
}
PROVIDER_FIELDS = {
    "base_url": "",
    "protocol": "openai",
    "length_parameter": "",
    "reports_usage": True,
    "enabled": True,
}
MODEL_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": NAME,
        "kind": {"enum": Model.Kind.values},
        "tier": {"enum": Model.Tier.values},
        "context_window": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        "tools": {"type": "boolean"},
        "json": {"type": "boolean"},
        "vision": {"type": "boolean"},
        "enabled": {"type": "boolean"},
        "default": {"type": "boolean"},
        "prices": {
            "type": "object",
            "description": "USD per million tokens; as published where left out",
            "additionalProperties": False,
            "properties": dict.fromkeys(PRICES, PRICE),
        },
    },
}
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "base_url"],
        "properties": {
            "name": {**NAME, "maxLength": 100},
            "base_url": {
                "type": "string",
                "pattern": r"^https?://[^\s?#@]+$",
                "maxLength": 500,
                "description": "an address such as https://api.openai.com/v1, without user, query or fragment",
            },
            "key": {"type": "string", "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$"},
            "protocol": {"enum": Provider.Protocol.values},
            "length_parameter": {"enum": Provider.LengthParameter.values},
            "reports_usage": {"type": "boolean"},
            "enabled": {"type": "boolean"},
            "models": {"type": "array", "items": MODEL_SCHEMA},
        },
    },
}


def apply(section: list[dict[str, Any]], run: Applying) -> None:
    """Some queries per provider and model."""
    named_once(section, ())
    _one_default(section)
    for index, declared in enumerate(section):
        provider = _provider(declared, run, (index, "key"))
        if "models" in declared:
            named_once(declared["models"], (index, "models"))
            _models(provider, declared["models"], run)
    if run.prune:
        names = [declared["name"] for declared in section]
        for row in Provider.objects.exclude(name__in=names):
            run.remove("provider", row)


def _provider(declared: Mapping[str, Any], run: Applying, at: tuple[str | int, ...]) -> Provider:
    name = declared["name"]
    row = Provider.objects.filter(name=name).first() or Provider(name=name)
    values = {field: declared.get(field, usual) for field, usual in PROVIDER_FIELDS.items()}
    values["base_url"] = values["base_url"].rstrip("/")
    secret = {}
    if "key" in declared:
        key = _from_environment(declared["key"], run, at)
        secret["encrypted_key"] = (encrypt(key), not _is(row, key))
    return run.save("provider", row, values, secret=secret, words={"encrypted_key": "key"})


def _from_environment(reference: str, run: Applying, at: tuple[str | int, ...]) -> str:
    found = REFERENCE.fullmatch(reference)
    name = found[1] if found else ""
    if not (value := run.environ.get(name, "").strip()):
        raise Wrong(at, f"the environment variable {name} is not set")
    if not fits_header(value):
        problem = "holds no key: it has a line break, or a sign that is not plain ASCII"
        raise Wrong(at, f"the environment variable {name} {problem}")
    return value


def _is(row: Provider, key: str) -> bool:
    try:
        return decrypt(row.encrypted_key) == key
    except EncryptionError:
        return False


def _models(provider: Provider, section: list[dict[str, Any]], run: Applying) -> None:
    for declared in section:
        if declared.get("default"):
            # One default at a time: the constraint is checked at each statement.
            for other in Model.objects.filter(is_default=True).exclude(
                provider=provider, name=declared["name"]
            ):
                run.save("model", other, {"is_default": False}, words=WORDS)
        _model(provider, declared, run)
    if run.prune:
        names = [declared["name"] for declared in section]
        for row in Model.objects.filter(provider=provider).exclude(name__in=names):
            run.remove("model", row)


def _model(provider: Provider, declared: Mapping[str, Any], run: Applying) -> None:
    name = declared["name"]
    known = Model.objects.filter(provider=provider, name=name).first()
    values = {column: declared.get(field, usual) for field, (column, usual) in MODEL_FIELDS.items()}
    prices = declared.get("prices") or {}
    values |= {column: _price(prices.get(field)) for field, column in PRICES.items()}
    run.save("model", known or Model(provider=provider, name=name), values, words=WORDS)


def _price(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("0.00000001"))


def _one_default(section: list[dict[str, Any]]) -> None:
    found = [
        (index, "models", at, "default")
        for index, provider in enumerate(section)
        for at, model in enumerate(provider.get("models", []))
        if model.get("default")
    ]
    if len(found) > 1:
        raise Wrong(found[1], "only one model answers by default")


def export() -> list[dict[str, Any]]:
    """All providers; of a key only that there is one, as the reference that it would take."""
    rows = Provider.objects.prefetch_related("models").order_by("name")
    return [_exported(row) for row in rows]


def _exported(row: Provider) -> dict[str, Any]:
    fields = {name: getattr(row, name) for name in PROVIDER_FIELDS}
    found = {"name": row.name, **_unusual(fields, PROVIDER_FIELDS)}
    if bytes(row.encrypted_key):
        found["key"] = "${" + re.sub(r"\W+", "_", row.name).strip("_").upper() + "_API_KEY}"
    models = row.models.order_by("name")
    return found | {"models": [_exported_model(model) for model in models]}


def _exported_model(row: Model) -> dict[str, Any]:
    usual = {field: default for field, (_, default) in MODEL_FIELDS.items()}
    fields = {field: getattr(row, column) for field, (column, _) in MODEL_FIELDS.items()}
    prices = {field: getattr(row, column) for field, column in PRICES.items()}
    known = {field: float(price) for field, price in prices.items() if price is not None}
    return {
        "name": row.name,
        **_unusual(fields, usual),
        **({"prices": known} if known else {}),
    }


def _unusual(fields: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value != usual[name]}


KIND = Kind("providers", SCHEMA, apply, export)
