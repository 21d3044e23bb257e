"""Filters of the trace list. Their choices are fixed or read from the newest traces: none scans the table."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from traces import queries
from traces.models import Feedback, Outcome, Trace

Choices = Iterable[tuple[str, Any]]


class ByPeriod(SimpleListFilter):
    """Started within the last hour, day..."""

    title = _("time")
    parameter_name = "within"
    hours: ClassVar[dict[str, int]] = {"1h": 1, "24h": 24, "7d": 7 * 24, "30d": 30 * 24}

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Choices:
        return (
            ("1h", _("Last hour")),
            ("24h", _("Last 24 hours")),
            ("7d", _("Last 7 days")),
            ("30d", _("Last 30 days")),
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trace]) -> QuerySet[Trace]:
        hours = self.hours.get(self.value() or "")
        if hours is None:
            return queryset
        return queryset.filter(started_at__gte=timezone.now() - timedelta(hours=hours))


class ByOutcome(SimpleListFilter):
    """How it ended."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Choices:
        return Outcome.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trace]) -> QuerySet[Trace]:
        return queryset.filter(outcome=self.value()) if self.value() else queryset


class ByFeedback(SimpleListFilter):
    """What readers thought of it."""

    title = _("feedback")
    parameter_name = "feedback"
    scores: ClassVar[dict[str, int]] = {"helpful": 1, "unhelpful": -1}

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Choices:
        return (("helpful", _("Helpful")), ("unhelpful", _("Not helpful")))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trace]) -> QuerySet[Trace]:
        score = self.scores.get(self.value() or "")
        if score is None:
            return queryset
        marked = Feedback.objects.filter(score=score).values("trace_id")
        return queryset.filter(trace_id__in=marked)


class BySlowness(SimpleListFilter):
    """Took longer than a given time."""

    title = _("duration")
    parameter_name = "slower"
    seconds: ClassVar[dict[str, int]] = {"1s": 1, "5s": 5, "20s": 20}

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Choices:
        return (
            ("1s", _("Over 1 second")),
            ("5s", _("Over 5 seconds")),
            ("20s", _("Over 20 seconds")),
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trace]) -> QuerySet[Trace]:
        seconds = self.seconds.get(self.value() or "")
        return queryset.filter(duration_ms__gt=seconds * 1000) if seconds else queryset


class _ByRecentValue(SimpleListFilter):
    """One of the values that the newest traces have in a column."""

    column: str

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin[Any]") -> Choices:
        return [(value, value) for value in queries.recent_values(self.column)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trace]) -> QuerySet[Trace]:
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class ByFeature(_ByRecentValue):
    """Chat, API, evaluation..."""

    title = _("feature")
    parameter_name = column = "feature"


class ByModel(_ByRecentValue):
    """The model that answered."""

    title = _("model")
    parameter_name = column = "model"
