"""Applying a declaration file to a tenant, and giving a tenant's configuration back as one.

Entry points: `apply`, `export`. One transaction: all of the file or nothing. A dry run is the same work rolled back,
so what it shows is what would happen.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import yaml

from inference import snapshots
from inference.declarations.kinds import Applying, Change, Wrong
from inference.declarations.reading import BadDeclaration, Declaration, read
from inference.declarations.registry import KINDS
from tenants.scope import Principal, tenant_scope


class _RolledBack(Exception):
    """Ends a dry run's transaction."""


def tenant_of(text: str) -> str | None:
    """The tenant that the file names, if it does. Raises BadDeclaration."""
    named = read(text, KINDS).data.get("tenant")
    return str(named) if named else None


def apply(
    text: str,
    principal: Principal,
    *,
    dry_run: bool = False,
    prune: bool = False,
    environ: Mapping[str, str] | None = None,
) -> list[Change]:
    """What was changed, or would be. `prune` removes what the sections of the file do not name.

    Raises BadDeclaration; nothing is written then.
    """
    declaration = read(text, KINDS)
    run = Applying(os.environ if environ is None else environ, prune=prune)
    try:
        with tenant_scope(principal):
            _all(declaration, run)
            if dry_run:
                raise _RolledBack
    except _RolledBack:
        # What the transaction had written may have been read into the process's snapshot.
        snapshots.forget(principal.tenant_id)
    return run.changes


def export(principal: Principal) -> str:
    """The tenant's configuration as a file that `apply` takes; keys as references to the environment."""
    with tenant_scope(principal):
        sections = {kind.name: kind.export() for kind in KINDS}
    known = {name: section for name, section in sections.items() if section}
    return yaml.safe_dump(known, sort_keys=False, allow_unicode=True)


def _all(declaration: Declaration, run: Applying) -> None:
    for kind in KINDS:
        if (section := declaration.data.get(kind.name)) is None:
            continue
        try:
            kind.apply(section, run)
        except Wrong as error:
            place = declaration.place((kind.name, *error.path))
            raise BadDeclaration([f"{place}: {error}"]) from error
