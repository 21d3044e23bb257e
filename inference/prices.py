"""What a call costs, in Decimal USD: the model row's prices where set, published prices otherwise.

Prices come from `genai-prices`, offline. A model that nobody has a price for (a local one) costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from inference.types import Usage

MILLION = Decimal(1_000_000)
# The ledger keeps eight decimals: a hundred-millionth of a dollar.
SMALLEST = Decimal("0.00000001")
# And no call costs more than fits there: a provider's word for its tokens is not proof.
LARGEST = Decimal("999999.99999999")
# Vendors of models that only they serve: behind an unknown address (a proxy) their names still tell the
# price. Names of open models tell nothing, since whoever runs one at home pays nobody.
VENDORS = ("openai", "anthropic", "google")


@dataclass(frozen=True)
class Prices:
    """USD per million tokens; None: as published."""

    prompt: Decimal | None = None
    cached: Decimal | None = None
    completion: Decimal | None = None


def cost_of(usage: Usage, *, model: str, base_url: str, prices: Prices) -> Decimal:
    """The call's price, rounded to the ledger's eight decimals."""
    if prices.prompt is None or prices.completion is None:
        return _rounded(_published(usage, model, base_url) or Decimal(0))
    fresh = usage.prompt_tokens - usage.cached_tokens
    cached = prices.prompt if prices.cached is None else prices.cached
    total = (
        fresh * prices.prompt
        + usage.cached_tokens * cached
        + usage.completion_tokens * prices.completion
    )
    return _rounded(total / MILLION)


@dataclass(frozen=True)
class Listed:
    """What a model costs, in USD per million tokens; ``is_set``: by hand, and not as published."""

    prompt: Decimal
    completion: Decimal
    is_set: bool


def listed(model: str, base_url: str, prices: Prices) -> Listed | None:
    """The prices that calls are counted with; None: nobody knows any, and calls count as free."""
    if prices.prompt is not None and prices.completion is not None:
        return Listed(prices.prompt, prices.completion, is_set=True)
    # By the thousand: some models' prices rise with the length of the prompt.
    prompt = _published(Usage(1000, 0), model, base_url)
    completion = _published(Usage(0, 1000), model, base_url)
    if prompt is None or completion is None:
        return None
    return Listed(prompt * 1000, completion * 1000, is_set=False)


def _rounded(amount: Decimal) -> Decimal:
    return min(amount, LARGEST).quantize(SMALLEST)


def _published(usage: Usage, model: str, base_url: str) -> Decimal | None:
    priced = PricedUsage(
        input_tokens=usage.prompt_tokens,
        cache_read_tokens=usage.cached_tokens,
        output_tokens=usage.completion_tokens,
    )
    by_address = _by_address(priced, model, base_url) if base_url else None
    if by_address is not None:
        return by_address
    by_name = (_by_vendor(priced, model, vendor) for vendor in VENDORS)
    return next((amount for amount in by_name if amount is not None), None)


def _by_address(usage: PricedUsage, model: str, base_url: str) -> Decimal | None:
    try:
        return calc_price(usage, model, provider_api_url=base_url).total_price
    except LookupError:
        return None


def _by_vendor(usage: PricedUsage, model: str, vendor: str) -> Decimal | None:
    try:
        return calc_price(usage, model, provider_id=vendor).total_price
    except LookupError:
        return None
