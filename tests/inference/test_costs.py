"""Costs by group add up to the ledger; collections share a call; a thumb down is no success."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import httpx
import pytest
from django.utils import timezone

from inference import costs, ledger
from inference.types import Usage
from tenants import people
from tenants.models import Tenant
from tests.cast import Member
from traces.models import Feedback

LEFT, RIGHT = uuid4(), uuid4()


@pytest.fixture
def booked(alice: Member, charlie: Member) -> str:
    """Three calls of Acme's and one of Globex's; the trace of the first."""
    trace_id = uuid4().hex
    book(alice, "0.30", feature="chat", collections=(LEFT, RIGHT), trace_id=trace_id)
    book(alice, "0.10", feature="chat", collections=(LEFT,), trace_id=uuid4().hex)
    book(alice, "0.05", feature="judge")
    book(charlie, "9.00", feature="chat")
    return trace_id


def book(
    member: Member,
    cost: str,
    *,
    feature: str,
    trace_id: str = "",
    collections: tuple[UUID, ...] = (),
) -> None:
    entry = ledger.Entry(
        principal=member.principal,
        operation="chat",
        feature=feature,
        provider="fake",
        model="=danger",
        trace_id=trace_id,
        span_id="",
        usage=Usage(10, 5),
        cost=Decimal(cost),
        latency_ms=1.0,
        collections=collections,
    )
    ledger.record(entry)


def spent(member: Member, group: str) -> dict[str, Decimal]:
    today = timezone.now().date()
    with member.scope():
        return {row.group: row.cost_usd for row in costs.by(group, today, today)}


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("group", sorted(costs.GROUPS))
def test_every_grouping_adds_up_to_the_ledger(alice: Member, group: str) -> None:
    assert sum(spent(alice, group).values()) == Decimal("0.45")


@pytest.mark.usefixtures("booked")
def test_collections_share_the_calls_that_read_them(alice: Member) -> None:
    found = spent(alice, "collection")
    assert found == {
        str(LEFT): Decimal("0.25"),
        str(RIGHT): Decimal("0.15"),
        "": Decimal("0.05"),
    }


def test_an_answer_with_a_thumb_down_is_no_success(alice: Member, booked: str) -> None:
    today = timezone.now().date()
    with alice.scope():
        Feedback.objects.create(trace_id=booked, message_id=uuid4(), user=alice.user, score=-1)
        row = costs.by("feature", today, today)[0]
    assert (row.group, row.calls, row.successes) == ("chat", 2, 1)
    assert row.per_success_usd == Decimal("0.40")


@pytest.mark.usefixtures("booked")
def test_the_api_answers_owners_in_json_and_csv(site: str, alice: Member, acme: Tenant) -> None:
    with alice.scope():
        owner = people.create_key(name="o", role="owner").secret
        member = people.create_key(name="m", role="member").secret

    def get(secret: str, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.get(f"{site}/api/v1/costs", params=query, headers=headers)

    assert get(member).status_code == 403
    told = get(owner, group_by="feature").json()
    assert [(row["group"], row["cost_usd"]) for row in told["results"]] == [
        ("chat", "0.40000000"),
        ("judge", "0.05000000"),
    ]
    sheet = get(owner, group_by="model", format="csv")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert sheet.text.splitlines()[1].startswith("'=danger,3,0,30,15,0.45000000")
    for query in ({"group_by": "mood"}, {"from": "yesterday"}, {"from": "2020-01-01"}):
        answer = get(owner, **query)
        assert answer.status_code == 400
        assert answer.json()["error"]["field"] in query
