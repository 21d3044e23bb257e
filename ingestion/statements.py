"""Named SQL statements from the ``.sql`` file beside a module: ``-- name: claim`` begins one."""

import re
from pathlib import Path
from typing import Any

from django.db import connection, connections

from tenants.scope import current_tenant_id

OPERATOR = "operator"
_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class Statements(dict[str, str]):
    """SQL by name. ``run`` and ``fetch`` are for the open scope and know its tenant; the others look across tenants."""

    def run(self, name: str, /, **values: Any) -> int:
        """How many rows it changed."""
        with connection.cursor() as cursor:
            cursor.execute(self[name], _with_tenant(values))
            return int(cursor.rowcount)

    def fetch(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """All its rows."""
        with connection.cursor() as cursor:
            cursor.execute(self[name], _with_tenant(values))
            return list(cursor.fetchall())

    def run_across(self, name: str, /, **values: Any) -> int:
        """On the operator's connection."""
        with connections[OPERATOR].cursor() as cursor:
            cursor.execute(self[name], values or None)
            return int(cursor.rowcount)

    def fetch_across(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """On the operator's connection."""
        with connections[OPERATOR].cursor() as cursor:
            cursor.execute(self[name], values or None)
            return list(cursor.fetchall())


def load(module_file: str) -> Statements:
    """The statements of ``work.sql`` for ``work.py``, by name."""
    parts = _NAME.split(Path(module_file).with_suffix(".sql").read_text())[1:]
    return Statements(
        (name, sql.strip()) for name, sql in zip(parts[::2], parts[1::2], strict=True)
    )


def _with_tenant(values: dict[str, Any]) -> dict[str, Any]:
    return values if "tenant" in values else {"tenant": current_tenant_id(), **values}
