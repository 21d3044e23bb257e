"""``GET /api/v1/costs``: what was spent, by feature, model, user, key, collection, prompt version or day."""

import csv
import io
from datetime import timedelta
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Refused
from api.fields import Strict
from api.permissions import require_steward
from api.views import ScopedView, principal_of
from inference import costs
from inference.sheets import harmless

DEFAULT_DAYS = 30


class CostsInput(Strict):
    """Days are UTC, both included."""

    group_by = serializers.ChoiceField(sorted(costs.GROUPS), default="day")
    to = serializers.DateField(default=None, allow_null=True)
    format = serializers.ChoiceField(["json", "csv"], default="json")

    def get_fields(self) -> dict[str, Any]:
        """With ``from``, which is no name that Python allows."""
        return {
            **super().get_fields(),
            "from": serializers.DateField(default=None, allow_null=True),
        }


class CostsView(ScopedView):
    """The tenant's costs, for keys of its owners and admins."""

    scopes = {"GET": "models"}

    @extend_schema(
        operation_id="costs",
        parameters=[
            OpenApiParameter("group_by", str, enum=sorted(costs.GROUPS)),
            OpenApiParameter("from", str, description="First day, such as 2026-11-01."),
            OpenApiParameter("to", str, description="Last day; by default today."),
            OpenApiParameter("format", str, enum=["json", "csv"]),
        ],
        responses={200: dict},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Sums per group. Money is text, exact to eight decimals."""
        require_steward(principal_of(request), "Costs are for keys of owners and admins.")
        asked = self.checked(CostsInput, request.query_params.dict())
        last = asked["to"] or timezone.now().date()
        first = asked["from"] or last - timedelta(days=DEFAULT_DAYS - 1)
        if not 0 <= (last - first).days < costs.LONGEST_DAYS:
            raise Refused(
                f"from must be before to, by at most {costs.LONGEST_DAYS} days.", field="from"
            )
        rows = costs.by(asked["group_by"], first, last)
        if asked["format"] == "csv":
            return _sheet(rows)
        period = {"from": str(first), "to": str(last), "group_by": asked["group_by"]}
        return Response({**period, "results": [row.as_json() for row in rows]})


def _sheet(rows: list[costs.Cost]) -> HttpResponse:
    written = io.StringIO()
    sheet = csv.writer(written)
    sheet.writerow(costs.COLUMNS)
    for row in rows:
        told = row.as_json()
        sheet.writerow([harmless(told[name]) for name in costs.COLUMNS])
    response = HttpResponse(written.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="costs.csv"'
    return response
