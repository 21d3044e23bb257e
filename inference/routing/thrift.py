"""What happens instead of a call that a budget does not pay for: its owner's choice, ``Budget.at_limit``."""

from __future__ import annotations

from inference import catalogue
from inference.errors import BudgetExhausted
from inference.models import Budget
from inference.providers.provider import ResolvedModel
from inference.routing.plans import Choice
from inference.types import ChatRequest


def instead_of(request: ChatRequest, model: ResolvedModel, error: BudgetExhausted) -> Choice | None:
    """Who answers instead of the model; None: nobody. Quoting needs passages to quote from.

    Where not even a smaller model can be paid, sentences are quoted: its owner wants answers that cost less, not none.
    """
    if error.at_limit == Budget.AtLimit.REFUSE:
        return None
    wants_smaller = error.at_limit == Budget.AtLimit.SMALLER
    if wants_smaller and (smaller := catalogue.smaller(request.principal, model)):
        return Choice(smaller, f"budget {error.budget}: a smaller model")
    if request.passages:
        return Choice(catalogue.EXTRACTIVE, f"budget {error.budget}: quotation")
    return None
