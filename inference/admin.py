"""Everything of models, routes, guards and money in Django admin, a module for each subject."""

from inference import (
    admin_guards,
    admin_ledger,
    admin_limits,
    admin_models,
    admin_providers,
    admin_routes,
)

# Importing them registers their pages.
__all__ = [
    "admin_guards",
    "admin_ledger",
    "admin_limits",
    "admin_models",
    "admin_providers",
    "admin_routes",
]
