"""The one door to a tenant's rows.

``with tenant_scope(principal):`` opens a transaction, tells Postgres the tenant and what its principal may read,
and tells Python's query sets the same. Outside of it there are no rows: the managers refuse (``NoTenantScope``) and
the row-level-security policies match nothing. The settings are local to the transaction (``set_config(..., true)``),
because pooled connections are handed on without a reset. Never hold a scope across a ``yield``.

Cost: one round trip to set the scope, besides the transaction itself. ``read_at_once`` needs one for all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import psycopg
from django.db import connections, transaction


class NoTenantScope(RuntimeError):
    """A tenant's table was read or written outside ``tenant_scope``."""


class ForeignTenantScope(RuntimeError):
    """A scope was opened inside the scope of another tenant."""


@dataclass(frozen=True)
class Principal:
    """Who asks: a member or an API key (or, with neither, the platform itself), in one tenant.

    ``reads_all`` lifts reader groups (ingestion, document administration); retrieval never sets it for a person.
    """

    tenant_id: UUID
    role: str = "member"
    user_id: UUID | None = None
    api_key_id: UUID | None = None
    group_ids: frozenset[UUID] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    reads_all: bool = False

    def as_reader(self) -> "Principal":
        """The same principal with nothing but its own groups' reading rights."""
        return replace(self, reads_all=False)

    def as_steward(self) -> "Principal":
        """The same principal reading every document of the tenant, for administration."""
        return replace(self, reads_all=True)


_current: ContextVar[Principal | None] = ContextVar("tenant_scope", default=None)

_SET = (
    "SELECT set_config('app.tenant_id', %s, true), set_config('app.reader_groups', %s, true),"
    " set_config('app.reads_all', %s, true)"
)


def platform_principal(tenant_id: UUID) -> Principal:
    """The platform acting inside one tenant: ingestion, seeding, scheduled jobs."""
    return Principal(tenant_id=tenant_id, role="platform", reads_all=True)


def current_principal() -> Principal:
    """The principal of the open scope. Raises ``NoTenantScope``."""
    principal = _current.get()
    if principal is None:
        raise NoTenantScope("No tenant is set: open tenants.scope.tenant_scope first.")
    return principal


def current_tenant_id() -> UUID:
    """The tenant of the open scope. Raises ``NoTenantScope``."""
    return current_principal().tenant_id


@contextmanager
def tenant_scope(principal: Principal, *, using: str = "default") -> Iterator[Principal]:
    """Run the block in one transaction as ``principal``; nested scopes must be of the same tenant."""
    outer = _current.get()
    if outer is not None and outer.tenant_id != principal.tenant_id:
        raise ForeignTenantScope("A scope of one tenant cannot be opened inside that of another.")
    inside_transaction = connections[using].in_atomic_block
    token = _current.set(principal)
    try:
        with transaction.atomic(using=using):
            _announce(principal, using)
            yield principal
            # A rollback restores the settings by itself; a savepoint that is released keeps them.
            if inside_transaction:
                _announce(outer, using)
    finally:
        _current.reset(token)


def is_inside_transaction(*, using: str = "default") -> bool:
    """Whether a scope, or any other transaction, is open: then ``read_at_once`` cannot be used."""
    return bool(connections[using].in_atomic_block)


def read_at_once(
    principal: Principal, statements: Sequence[tuple[str, dict[str, Any]]]
) -> list[list[tuple[Any, ...]]]:
    """The rows of each statement (SQL and its parameters), in one transaction as ``principal`` that is sent whole.

    Nothing waits for the answer of what goes before it: one round trip, where a scope needs one for its beginning, its
    settings, each statement and its end. What is sent up to one synchronisation is a transaction by itself
    (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING): it is neither begun nor ended
    in words, and the settings are local to it. Raises ``RuntimeError`` inside of a transaction, and Django's database
    errors; the connection is given back then, so that nobody finds what was left open.
    """
    connection = connections["default"]
    connection.ensure_connection()
    if is_inside_transaction() or not connection.autocommit:
        raise RuntimeError("what is read at once is a transaction of its own: none may be open")
    settings: tuple[str, Sequence[str] | Mapping[str, Any]] = (_SET, _settings(principal))
    whole = (settings, *statements)
    try:
        with connection.wrap_database_errors, connection.connection.pipeline():
            # Not Django's cursors, which write the parameters into the statement, to be read out of it again.
            cursors = [psycopg.Cursor(connection.connection) for _ in whole]
            for cursor, (sql, values) in zip(cursors, whole, strict=True):
                cursor.execute(sql.encode(), values)
        if connection.queries_logged:
            connection.queries_log.extend({"sql": sql, "time": ""} for sql, _ in whole)
        return [cursor.fetchall() for cursor in cursors[1:]]
    # Whatever it was, an interrupt as well: what was left open must not be found by whoever has the connection next.
    except BaseException:
        connection.close()
        raise


def _announce(principal: Principal | None, using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(_SET, _settings(principal))


def _settings(principal: Principal | None) -> list[str]:
    if principal is None:
        return ["", "", ""]
    groups = "{" + ",".join(sorted(str(group) for group in principal.group_ids)) + "}"
    return [str(principal.tenant_id), groups, "on" if principal.reads_all else "off"]
