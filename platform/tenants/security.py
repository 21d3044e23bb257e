"""Row-level security as migration operations, so that a tenant table cannot be made without it.

``SecureTenantTables("Document", ...)`` gives each table its ``(tenant_id, id)`` primary key, composite foreign keys,
tenant-led indexes, and a policy that is forced on the owner as well; ``PartitionTable`` before it turns a new table
into a partitioned one. Decision 0002 says why each clause is there.
"""

from itertools import chain
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

TENANT = "NULLIF(current_setting('app.tenant_id', true), '')::uuid"
IN_TENANT = f"tenant_id = {TENANT}"
READABLE = (
    f"{IN_TENANT} AND (current_setting('app.reads_all', true) = 'on' OR reader_groups = '{{}}'"
    " OR reader_groups && COALESCE(NULLIF(current_setting('app.reader_groups', true), ''), '{}')::uuid[])"
)


def policy_sql(table: str, *, using: str = IN_TENANT, check: str = IN_TENANT) -> str:
    """Row-level security on one table, for every command, forced on its owner."""
    return (
        f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;'
        f'CREATE POLICY tenant_rows ON "{table}" USING ({using}) WITH CHECK ({check});'
    )


def foreign_key_sql(table: str, column: str, target: str, *, on_delete: str = "NO ACTION") -> str:
    """A composite foreign key: another tenant's id is refused by the database."""
    return (
        f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_{column}_fk"'
        f' FOREIGN KEY (tenant_id, "{column}") REFERENCES "{target}" (tenant_id, id)'
        f" ON DELETE {on_delete} DEFERRABLE INITIALLY DEFERRED;"
    )


class SecureTenantTables(Operation):
    """Secure the tables of the named models, which an earlier operation of the same migration created.

    A model with a ``reader_groups`` field is also filtered by the reader groups of its principal.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, *names: str) -> None:
        self.names = names

    def deconstruct(self) -> tuple[str, list[str], dict[str, Any]]:
        return (self.__class__.__name__, list(self.names), {})

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Django's view of the models does not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        tables = [to_state.apps.get_model(app_label, name) for name in self.names]
        # Every key first: the foreign keys of one table may point at any other.
        steps = [key_sql(table) for table in tables] + [rules_sql(table) for table in tables]
        for statement in chain.from_iterable(steps):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, *args: Any) -> None:
        """The tables themselves go when the migration is reversed."""

    def describe(self) -> str:
        return f"Row-level security and tenant-led keys on {', '.join(self.names)}"


def key_sql(model: type[models.Model]) -> list[str]:
    """The primary key of one table, led by the tenant; a partitioned table has it already."""
    table = model._meta.db_table
    if not isinstance(model._meta.pk, models.UUIDField):
        raise TypeError(f"{table} is not a tenant table.")
    # The table's name is a model's, never input.
    return [
        f"DO $$ BEGIN IF (SELECT relkind FROM pg_class WHERE oid = '{table}'::regclass) = 'r' THEN"  # noqa: S608
        f' ALTER TABLE "{table}" DROP CONSTRAINT "{table}_pkey",'
        f' ADD CONSTRAINT "{table}_pkey" PRIMARY KEY (tenant_id, id); END IF; END $$;'
    ]


def rules_sql(model: type[models.Model]) -> list[str]:
    """The policy, the composite foreign keys and their indexes of one table."""
    table = model._meta.db_table
    columns = {field.name for field in model._meta.local_fields}
    statements = [policy_sql(table, using=READABLE if "reader_groups" in columns else IN_TENANT)]
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignKey) and not vars(field)["db_constraint"]:
            statements += _reference_sql(table, field)
    return statements


def _reference_sql(table: str, field: models.ForeignKey[Any, Any]) -> list[str]:
    column, target = field.column, field.related_model._meta.db_table
    return [
        foreign_key_sql(table, column, target),
        f'CREATE INDEX "{table}_{column}_idx" ON "{table}" (tenant_id, "{column}");',
    ]


class PartitionTable(Operation):
    """Turn a table that this migration has just created into a partitioned one, secured like the others.

    ``PartitionTable("Chunk", hash_parts=16)`` or ``PartitionTable("Span", range_column="started_at")``. A range table
    starts with a default partition; ``footnote_prepare_partitions()`` makes the dated ones ahead of time. Nobody but
    the owner and the backup role may touch a partition directly, since the parent's policy does not hold there.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, name: str, *, hash_parts: int = 0, range_column: str = "") -> None:
        self.name, self.hash_parts, self.range_column = name, hash_parts, range_column

    def deconstruct(self) -> tuple[str, list[str], dict[str, Any]]:
        options = {"hash_parts": self.hash_parts, "range_column": self.range_column}
        return (self.__class__.__name__, [self.name], options)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Django's view of the model does not change."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        for statement in self._statements(table):
            schema_editor.execute(statement, params=None)

    def database_backwards(self, *args: Any) -> None:
        """The table itself goes when the migration is reversed."""

    def describe(self) -> str:
        return f"Partition {self.name}"

    def _statements(self, table: str) -> list[str]:
        by = f"RANGE ({self.range_column})" if self.range_column else "HASH (tenant_id)"
        key = f"tenant_id, {self.range_column}, id" if self.range_column else "tenant_id, id"
        return [
            f'ALTER TABLE "{table}" RENAME TO "{table}_plain";',
            f'CREATE TABLE "{table}" (LIKE "{table}_plain" INCLUDING DEFAULTS INCLUDING STORAGE'
            f" INCLUDING CONSTRAINTS) PARTITION BY {by};",
            f'DROP TABLE "{table}_plain";',
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_pkey" PRIMARY KEY ({key});',
            *self._partitions(table),
        ]

    def _partitions(self, table: str) -> list[str]:
        if self.range_column:
            return [partition_sql(table, f"{table}_default", "DEFAULT")]
        parts = range(self.hash_parts)
        bounds = "FOR VALUES WITH (MODULUS {}, REMAINDER {})"
        return [
            partition_sql(table, f"{table}_{part:02}", bounds.format(self.hash_parts, part))
            for part in parts
        ]


def partition_sql(table: str, partition: str, bounds: str) -> str:
    """One partition that can be reached through its parent alone."""
    return (
        f'CREATE TABLE "{partition}" PARTITION OF "{table}" {bounds};'
        f'ALTER TABLE "{partition}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;'
        f'REVOKE ALL ON "{partition}" FROM footnote_app, footnote_operator;'
    )
