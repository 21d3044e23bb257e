"""Which model answers: the tenant's own rows first, then the environment's, then the built-in one.

Entry points: `resolve`, `list_models`; `find` is for routes, whose candidates are names. All of them read the
process's snapshot of the tenant (`inference.snapshots`), so a query is rarely made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from inference import snapshots
from inference.embedding import specification
from inference.encryption import decrypt
from inference.errors import UnknownModel
from inference.models import Model, Provider
from inference.prices import Prices
from inference.providers.provider import Dialect, Endpoint, ResolvedModel
from inference.snapshots import Snapshot
from inference.types import EXTRACTIVE_MODEL, RERANK_MODEL, Usage
from tenants.scope import Principal

ENDPOINT = "openai_compatible"
BUILT_IN = "extractive"
CROSS_ENCODER = "cross_encoder"
# With a key and no name, as most people start.
DEFAULT_CHAT_MODEL = "gpt-4.1-mini"
ENVIRONMENT_PROVIDER = "environment"

# What a call may need of a model, and the column that says so.
ABILITIES = {"tools": "tools", "json": "json_output", "vision": "vision"}

EXTRACTIVE = ResolvedModel(
    kind=BUILT_IN,
    provider="footnote",
    name=EXTRACTIVE_MODEL,
    tier=Model.Tier.SMALL,
    abilities=frozenset(),
)


@dataclass(frozen=True)
class ListedModel:
    """A model that a caller may name. `id` is what goes into `ChatRequest.model`."""

    id: str
    provider: str
    context_window: int
    is_default: bool


def resolve(principal: Principal, name: str | None) -> ResolvedModel:
    """The chat model of that name, or the tenant's default. Raises UnknownModel, EncryptionError."""
    snapshot = snapshots.of(principal)
    return default(snapshot) if name is None else named(snapshot, name)


def named(snapshot: Snapshot, name: str, *, kind: str = Model.Kind.CHAT) -> ResolvedModel:
    """The enabled model of that name. Raises UnknownModel, EncryptionError."""
    if found := find(snapshot, name, kind=kind):
        return found
    raise UnknownModel(f"no enabled {kind} model is called {name!r}")


def find(snapshot: Snapshot, name: str, *, kind: str = Model.Kind.CHAT) -> ResolvedModel | None:
    """The same, or None. `name` is a model's, or `provider/model` beyond doubt. Raises EncryptionError."""
    if name == EXTRACTIVE_MODEL and kind == Model.Kind.CHAT:
        return EXTRACTIVE
    rows = (row for row in snapshot.models if row.kind == kind)
    if row := next((row for row in rows if name in (row.name, full_name(row))), None):
        return from_row(row)
    configured = CONFIGURED[kind]()
    return configured if configured and name in (configured.name, configured.full_name) else None


def rerankers(snapshot: Snapshot) -> list[ResolvedModel]:
    """Those of the tenant, then the operator's. Raises EncryptionError."""
    found = [from_row(row) for row in snapshot.models if row.kind == Model.Kind.RERANK]
    configured = environment_reranker()
    return [*found, configured] if configured else found


def default(snapshot: Snapshot) -> ResolvedModel:
    """Who answers where no route says otherwise. Raises EncryptionError."""
    if row := next((row for row in snapshot.models if row.kind == Model.Kind.CHAT), None):
        return from_row(row)
    return environment_model() or EXTRACTIVE


def smaller(principal: Principal, model: ResolvedModel) -> ResolvedModel | None:
    """The cheapest enabled chat model of a lower tier than this one's; None without one."""
    tiers = list(Model.Tier.values)
    rows = [row for row in snapshots.of(principal).models if row.kind == Model.Kind.CHAT]
    lower = [from_row(row) for row in rows if tiers.index(row.tier) < tiers.index(model.tier)]
    return min(lower, key=_price, default=None)


def _price(model: ResolvedModel) -> Decimal:
    return model.cost(Usage(1_000_000, 1_000_000))


def list_models(principal: Principal) -> list[ListedModel]:
    """All chat models that the tenant may name, its default first."""
    rows = [row for row in snapshots.of(principal).models if row.kind == Model.Kind.CHAT]
    found = {row.name: (row.provider.name, row.context_window) for row in rows}
    for one in (environment_model(), EXTRACTIVE):
        if one is not None:
            found.setdefault(one.name, (one.provider, one.context_window))
    return [
        ListedModel(name, provider, window, is_default=index == 0)
        for index, (name, (provider, window)) in enumerate(found.items())
    ]


def has_language_model(principal: Principal) -> bool:
    """Whether anything but the built-in model is configured."""
    return len(list_models(principal)) > 1


def environment_model() -> ResolvedModel | None:
    """The model that OPENAI_API_KEY, OPENAI_BASE_URL and FOOTNOTE_CHAT_MODEL describe, if they do."""
    if not (settings.OPENAI_API_KEY or settings.CHAT_MODEL):
        return None
    return of_environment(settings.CHAT_MODEL or DEFAULT_CHAT_MODEL)


def environment_reranker() -> ResolvedModel | None:
    """The cross-encoder of this machine that FOOTNOTE_RERANK_MODEL names, if it does."""
    if not settings.RERANK_MODEL:
        return None
    return ResolvedModel(kind=CROSS_ENCODER, provider="footnote", name=RERANK_MODEL)


def cross_encoder_path() -> str:
    return str(settings.RERANK_MODEL)


def environment_embedder() -> ResolvedModel | None:
    """The endpoint's model that FOOTNOTE_EMBEDDING_MODEL=openai:... names, if it does; whole, however it is cut."""
    setting = specification.read(settings.EMBEDDING_MODEL).model
    name = setting.removeprefix(specification.ENDPOINT_PREFIX)
    return None if name in ("", setting) else of_environment(name)


def of_environment(name: str) -> ResolvedModel:
    """A model of the operator's endpoint."""
    return ResolvedModel(
        kind=ENDPOINT, provider=ENVIRONMENT_PROVIDER, name=name, endpoint=environment_endpoint()
    )


def environment_endpoint() -> Endpoint:
    return Endpoint(settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY)


def is_of_environment(model: ResolvedModel) -> bool:
    """Is it the operator's own? By its endpoint, since a tenant may call a provider as it likes."""
    return model.provider == ENVIRONMENT_PROVIDER and model.endpoint == environment_endpoint()


def full_name(row: Model) -> str:
    """The name that no other model of the tenant has."""
    return f"{row.provider.name}/{row.name}"


def from_row(row: Model) -> ResolvedModel:
    """A row of the tenant's as something that can be called. Raises EncryptionError."""
    provider = row.provider
    return ResolvedModel(
        kind=ENDPOINT if provider.protocol == Provider.Protocol.OPENAI else provider.protocol,
        provider=provider.name,
        name=row.name,
        endpoint=Endpoint(provider.base_url, decrypt(provider.encrypted_key)),
        context_window=row.context_window,
        prices=prices_of(row),
        tier=row.tier,
        abilities=frozenset(name for name, column in ABILITIES.items() if getattr(row, column)),
        dialect=Dialect(provider.length_parameter, provider.reports_usage),
    )


def prices_of(row: Model) -> Prices:
    """What only reads is priced by what it reads."""
    only_reads = row.kind != Model.Kind.CHAT
    completion = Decimal(0) if only_reads and row.output_price is None else row.output_price
    return Prices(row.input_price, row.cached_price, completion)


# What the operator has configured, by kind of model.
CONFIGURED: dict[str, Callable[[], ResolvedModel | None]] = {
    Model.Kind.CHAT: environment_model,
    Model.Kind.EMBEDDING: environment_embedder,
    Model.Kind.RERANK: environment_reranker,
}
