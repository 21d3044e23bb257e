"""Many new rows in one statement with one parameter.

``bulk_create`` sends a placeholder for each value, and the driver looks at every one of them: a batch of 250 uploads
took most of its time there.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault


def insert(rows: Iterable[Model]) -> None:
    """Insert unsaved rows of one model; what the first one leaves to the database's defaults, all leave to them."""
    held = list(rows)
    if not held:
        return
    meta, quoted = held[0]._meta, connection.ops.quote_name
    fields = [
        field
        for field in meta.local_concrete_fields
        if not isinstance(vars(held[0]).get(field.attname), DatabaseDefault)
    ]
    names = ", ".join(quoted(str(field.column)) for field in fields)
    types = ", ".join(
        f"{quoted(str(field.column))} {field.db_type(connection)}" for field in fields
    )
    values = [{field.column: field.pre_save(row, add=True) for field in fields} for row in held]
    with connection.cursor() as cursor:
        # Names and types are the model's, never input.
        cursor.execute(
            f"INSERT INTO {quoted(meta.db_table)} ({names})"  # noqa: S608
            f" SELECT {names} FROM json_to_recordset(%s::json) AS r ({types})",
            [json.dumps(values, default=_plain)],
        )
    for row in held:
        row._state.adding, row._state.db = False, connection.alias


def _plain(value: Any) -> Any:
    """As Postgres reads it from JSON."""
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be inserted this way")
