"""Lists, a page at a time: newest first, by a cursor that stays right while rows come and go."""

import base64
import binascii
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from api.errors import Refused

M = TypeVar("M", bound=Model)


def page(
    request: Request, rows: QuerySet[M], *, cursor: str, limit: int
) -> tuple[list[M], str | None]:
    """One page of rows that have ``created_at`` and ``id``, and the address of the next, or None.

    Raises Refused for a cursor that is none. Cost: one query on the index that the filter has.
    """
    if cursor:
        at, row_id = _read(cursor)
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=row_id))
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    query = request.query_params.copy()
    query["cursor"] = _written(last.created_at, last.pk)  # type: ignore[attr-defined]
    return found[:limit], f"{request.build_absolute_uri(request.path)}?{query.urlencode()}"


def _written(at: datetime, row_id: UUID) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {row_id}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, row_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split(" ")
        return datetime.fromisoformat(at), UUID(row_id)
    except (ValueError, binascii.Error):
        raise Refused(
            "The cursor is not one that this list gave; use its `next`.", field="cursor"
        ) from None
