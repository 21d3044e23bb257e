"""Which model answers: the tenant's own rows first, then the environment's, then the built-in one.

Entry points: `resolve`, `list_models`. Each opens the tenant's scope and makes one query.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from inference.encryption import decrypt
from inference.errors import UnknownModel
from inference.models import Model
from inference.prices import Prices
from inference.providers.provider import Endpoint, ResolvedModel
from inference.types import EXTRACTIVE_MODEL
from tenants.scope import Principal, tenant_scope

ENDPOINT = "openai_compatible"
BUILT_IN = "extractive"
# With a key and no name, as most people start.
DEFAULT_CHAT_MODEL = "gpt-4.1-mini"
ENVIRONMENT_PROVIDER = "environment"

EXTRACTIVE = ResolvedModel(kind=BUILT_IN, provider="footnote", name=EXTRACTIVE_MODEL)


@dataclass(frozen=True)
class ListedModel:
    """A model that a caller may name. `id` is what goes into `ChatRequest.model`."""

    id: str
    provider: str
    context_window: int
    is_default: bool


def resolve(principal: Principal, name: str | None) -> ResolvedModel:
    """The model of that name, or the tenant's default. Raises UnknownModel, EncryptionError. One query."""
    if name == EXTRACTIVE_MODEL:
        return EXTRACTIVE
    with tenant_scope(principal):
        rows = _enabled_models()
    if name is None:
        return _default(rows)
    if row := next((row for row in rows if name in (row.name, _full_name(row))), None):
        return _from_row(row)
    if (configured := environment_model()) and name == configured.name:
        return configured
    raise UnknownModel(f"no enabled model is called {name!r}")


def list_models(principal: Principal) -> list[ListedModel]:
    """All models that the tenant may name, its default first. One query."""
    with tenant_scope(principal):
        rows = _enabled_models()
    found = {row.name: (row.provider.name, row.context_window) for row in rows}
    for one in (environment_model(), EXTRACTIVE):
        if one is not None:
            found.setdefault(one.name, (one.provider, one.context_window))
    return [
        ListedModel(name, provider, window, is_default=index == 0)
        for index, (name, (provider, window)) in enumerate(found.items())
    ]


def has_language_model(principal: Principal) -> bool:
    """Whether anything but the built-in model is configured. One query."""
    return len(list_models(principal)) > 1


def environment_model() -> ResolvedModel | None:
    """The model that OPENAI_API_KEY, OPENAI_BASE_URL and FOOTNOTE_CHAT_MODEL describe, if they do."""
    if not (settings.OPENAI_API_KEY or settings.CHAT_MODEL):
        return None
    return ResolvedModel(
        kind=ENDPOINT,
        provider=ENVIRONMENT_PROVIDER,
        name=settings.CHAT_MODEL or DEFAULT_CHAT_MODEL,
        endpoint=environment_endpoint(),
    )


def environment_endpoint() -> Endpoint:
    return Endpoint(settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY)


def _enabled_models() -> list[Model]:
    """The default first, then in order of creation."""
    enabled = Model.objects.filter(enabled=True, provider__enabled=True)
    return list(enabled.select_related("provider").order_by("-is_default", "created_at", "id"))


def _default(rows: list[Model]) -> ResolvedModel:
    if rows:
        return _from_row(rows[0])
    return environment_model() or EXTRACTIVE


def _full_name(row: Model) -> str:
    return f"{row.provider.name}/{row.name}"


def _from_row(row: Model) -> ResolvedModel:
    return ResolvedModel(
        kind=ENDPOINT,
        provider=row.provider.name,
        name=row.name,
        endpoint=Endpoint(row.provider.base_url, decrypt(row.provider.encrypted_key)),
        context_window=row.context_window,
        prices=Prices(row.input_price, row.cached_price, row.output_price),
    )
