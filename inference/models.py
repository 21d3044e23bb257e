"""Where models are and what each call cost.

``Provider`` and ``Model`` are a tenant's own configuration; without any, the environment's (or the built-in extractive)
model answers. ``Route`` and its ``Candidate`` rows say which of them answers for a feature; without a route, the
default model does. ``ModelCall`` is the ledger: append-only, one row per call, also for calls that failed.
"""

from inference.caching.rows import CacheEntry, CachePolicy
from inference.guards.rows import GuardFinding, GuardPolicy
from inference.prompts.rows import Prompt, PromptLabel, PromptVersion
from inference.rows.budgets import Budget, BudgetCounter, Reservation
from inference.rows.circuits import OpenCircuit
from inference.rows.ledger import ModelCall
from inference.rows.limits import RateLimit, RateMeter
from inference.rows.providers import Model, Provider
from inference.rows.routes import Candidate, Route
from inference.rows.scopes import Scope

__all__ = [
    "Budget",
    "BudgetCounter",
    "CacheEntry",
    "CachePolicy",
    "Candidate",
    "GuardFinding",
    "GuardPolicy",
    "Model",
    "ModelCall",
    "OpenCircuit",
    "Prompt",
    "PromptLabel",
    "PromptVersion",
    "Provider",
    "RateLimit",
    "RateMeter",
    "Reservation",
    "Route",
    "Scope",
]
