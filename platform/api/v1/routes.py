"""``GET /api/v1/routes``: who answers for which feature; ``/{feature}/comparison``: how they have done.

For keys of owners and admins with the scope ``models``: the figures tell what a tenant spends.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent
from api.permissions import require_steward
from api.views import ScopedView, principal_of
from inference.models import Route
from inference.routing import comparison

USUAL_DAYS = 30


class CandidateOutput(serializers.Serializer[Any]):
    """A model on a route."""

    model = serializers.CharField()
    weight = serializers.IntegerField()
    is_fallback = serializers.BooleanField()


class RouteOutput(serializers.Serializer[Any]):
    """A route; candidates in order, fallbacks last."""

    feature = serializers.CharField()
    strategy = serializers.CharField()
    tier = serializers.CharField(source="tiers")
    sticky = serializers.BooleanField()
    hedge_after_ms = serializers.IntegerField(allow_null=True)
    first_token_s = serializers.FloatField(allow_null=True)
    enabled = serializers.BooleanField()
    candidates = CandidateOutput(many=True)


class RoutesOutput(serializers.Serializer[Any]):
    """All routes, by feature."""

    results = RouteOutput(many=True)


class IntervalOutput(serializers.Serializer[Any]):
    """A value from ``n`` calls with its 95 % confidence interval."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()


class ComparedOutput(serializers.Serializer[Any]):
    """One candidate's record: shares with Wilson's interval, means (USD, milliseconds) with Student's."""

    provider = serializers.CharField()
    model = serializers.CharField()
    answered = serializers.IntegerField()
    failed = serializers.IntegerField()
    stopped = serializers.IntegerField()
    spent = serializers.FloatField()
    failures = IntervalOutput(allow_null=True)
    thumbs_up = IntervalOutput(allow_null=True)
    cost = IntervalOutput(allow_null=True)
    latency = IntervalOutput(allow_null=True)
    first_token = IntervalOutput(allow_null=True)


class ComparisonOutput(serializers.Serializer[Any]):
    """The candidates that were asked, who answered most first."""

    feature = serializers.CharField()
    days = serializers.IntegerField()
    results = ComparedOutput(many=True)


class DaysInput(serializers.Serializer[Any]):
    """How far back."""

    days = serializers.IntegerField(
        min_value=1, max_value=comparison.LONGEST_DAYS, default=USUAL_DAYS
    )


class RoutesView(ScopedView):
    """The tenant's routes."""

    scopes = {"GET": "models"}

    @extend_schema(operation_id="routes_list", responses=RoutesOutput)
    def get(self, request: Request) -> Response:
        """Two queries."""
        _check_role(request)
        rows = Route.objects.prefetch_related("candidates").order_by("feature")
        return Response(RoutesOutput({"results": rows}).data)


class ComparisonView(ScopedView):
    """How a route's candidates have done."""

    scopes = {"GET": "models"}

    @extend_schema(
        operation_id="routes_comparison",
        parameters=[OpenApiParameter("days", int, description="1 to 90; by default 30.")],
        responses=ComparisonOutput,
    )
    def get(self, request: Request, feature: str) -> Response:
        """One query over the period's ledger."""
        _check_role(request)
        if not Route.objects.filter(feature=feature).exists():
            raise Absent("route")
        days = self.checked(DaysInput, request.query_params)["days"]
        found = [asdict(one) for one in comparison.compare(feature, days)]
        return Response({"feature": feature, "days": days, "results": found})


def _check_role(request: Request) -> None:
    require_steward(principal_of(request), "Only a key of an owner or admin can see routes.")
