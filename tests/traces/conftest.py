"""Traces to look at, written by the recorder, and people who look at them through the real pages."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from tenants.scope import Principal
from tests.cast import Member
from traces import recorder
from traces.models import Span

LIST = "/admin/traces/trace/"

Signed = Callable[[Member], Client]


@pytest.fixture
def signed_in(database: None) -> Signed:
    """A browser without a screen, signed in as the member."""

    def sign_in(member: Member) -> Client:
        client = Client()
        client.force_login(member.user)
        return client

    return sign_in


def record(principal: Principal, question: str, *, outcome: str = "ok", steps: int = 1) -> str:
    """A small answered question; the trace id."""
    trace = recorder.begin("answer", principal, feature="chat", question=question)
    with trace.active(), recorder.span("retrieve", kind="retrieval") as step:
        step.set(footnote__passages=[{"rank": 1, "title": "Handbook", "score": 0.03, "page": 4}])
        for number in range(steps):
            with recorder.span(f"part {number}", kind="database"):
                pass
    trace.model, trace.cost_usd = "gpt-x", Decimal("0.00123")
    trace.finish(outcome)
    return trace.trace_id


def trace_page(trace_id: str) -> str:
    """The address of a trace's page."""
    return f"{LIST}{trace_id}/change/"


def span_ids(member: Member, trace_id: str) -> dict[str, str]:
    """The ids of a trace's spans by their names."""
    with member.scope():
        return dict(Span.objects.filter(trace_id=trace_id).values_list("name", "span_id"))
