"""The kinds of declarations, in the order in which they are applied: a route names models, so models come first."""

from __future__ import annotations

from inference.declarations import budgets, guards, limits, prompts, providers, routes
from inference.declarations.kinds import Kind

KINDS: tuple[Kind, ...] = (
    providers.KIND,
    routes.KIND,
    budgets.KIND,
    limits.KIND,
    prompts.KIND,
    guards.KIND,
)
