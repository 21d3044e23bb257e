"""The pages of traces: what stewards see, and what others do not."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.cast import Member
from tests.traces.conftest import LIST, Signed, record, span_ids, trace_page
from traces import pagination, recorder
from traces.models import Feedback
from traces.templatetags.trace_display import duration, usd


def test_the_list_shows_newest_first(alice: Member, signed_in: Signed) -> None:
    record(alice.principal, "The first question")
    record(alice.principal, "The second question")
    body = signed_in(alice).get(LIST).content.decode()
    assert body.index("The second question") < body.index("The first question")


def test_the_list_costs_the_same_for_one_trace_and_for_many(
    alice: Member, signed_in: Signed
) -> None:
    client = signed_in(alice)
    counts = []
    for more in (1, 5):
        for number in range(more):
            record(alice.principal, f"Question {number}")
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_list_never_counts_the_whole_table(
    alice: Member, signed_in: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "COUNTED", 2)
    for number in range(4):
        record(alice.principal, f"Question {number}")
    with CaptureQueriesContext(connection) as queries:
        body = signed_in(alice).get(LIST).content.decode()
    counting = [
        one["sql"] for one in queries if "COUNT(" in one["sql"] and "traces_trace" in one["sql"]
    ]
    assert counting
    assert all("LIMIT 2" in sql for sql in counting)
    assert "the newest 2; filter to reach older ones" in body


def test_filters_stand_in_the_address(alice: Member, signed_in: Signed) -> None:
    record(alice.principal, "A good one")
    record(alice.principal, "A bad one", outcome="error")
    body = signed_in(alice).get(LIST, {"outcome": "error", "within": "1h"}).content.decode()
    assert "A bad one" in body
    assert "A good one" not in body


def test_feedback_is_filtered_and_shown(alice: Member, signed_in: Signed) -> None:
    record(alice.principal, "A liked one")
    disliked = record(alice.principal, "A disliked one")
    with alice.scope():
        Feedback.objects.create(
            trace_id=disliked, message_id=uuid4(), user=alice.user, score=-1, comment="Wrong page"
        )
    client = signed_in(alice)
    body = client.get(LIST, {"feedback": "unhelpful"}).content.decode()
    assert "A disliked one" in body
    assert "A liked one" not in body
    assert "Wrong page" in client.get(trace_page(disliked)).content.decode()


def test_a_filter_that_does_not_exist_is_no_error(alice: Member, signed_in: Signed) -> None:
    record(alice.principal, "A question")
    body = signed_in(alice).get(LIST, {"within": "a fortnight", "slower": "x"}).content.decode()
    assert "A question" in body


def test_a_trace_is_found_by_its_id_and_by_a_word(alice: Member, signed_in: Signed) -> None:
    wanted = record(alice.principal, "About marmalade")
    record(alice.principal, "About toast")
    for sought in (wanted, "marmalade"):
        body = signed_in(alice).get(LIST, {"q": sought}).content.decode()
        assert "About marmalade" in body
        assert "About toast" not in body


def test_an_empty_list_says_what_will_be_there(alice: Member, signed_in: Signed) -> None:
    assert "No traces yet" in signed_in(alice).get(LIST).content.decode()


def test_the_page_draws_every_span_and_opens_one(alice: Member, signed_in: Signed) -> None:
    trace_id = record(alice.principal, "What is on page four?", steps=3)
    spans = span_ids(alice, trace_id)
    body = signed_in(alice).get(trace_page(trace_id), {"span": spans["retrieve"]}).content.decode()
    for span_id in spans.values():
        assert f'id="span-{span_id}"' in body
    assert body.count('aria-current="true"') == 1
    assert f'data-opened="{spans["retrieve"]}"' in body
    assert "Handbook" in body


def test_the_page_has_no_inline_script_of_ours(alice: Member, signed_in: Signed) -> None:
    trace_id = record(alice.principal, "Anything")
    article = (
        signed_in(alice)
        .get(trace_page(trace_id))
        .content.decode()
        .split("<article")[1]
        .split("</article>")[0]
    )
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", article)


def test_what_is_traced_cannot_run_in_the_page(alice: Member, signed_in: Signed) -> None:
    trace_id = record(alice.principal, "<script>alert(1)</script><img src=x onerror=alert(1)>")
    body = signed_in(alice).get(trace_page(trace_id)).content.decode()
    assert "<script>alert" not in body
    assert "<img src=x" not in body


def test_a_span_comes_alone_for_the_panel(alice: Member, signed_in: Signed) -> None:
    trace_id = record(alice.principal, "Anything")
    span_id = span_ids(alice, trace_id)["retrieve"]
    answer = signed_in(alice).get(f"{LIST}{trace_id}/spans/{span_id}/")
    assert f'data-opened="{span_id}"' in answer.content.decode()
    assert "<html" not in answer.content.decode()


def test_the_page_of_a_failed_trace_opens_what_failed(alice: Member, signed_in: Signed) -> None:
    trace = recorder.begin("answer", alice.principal, feature="chat", question="Why?")
    with trace.active(), pytest.raises(TimeoutError), recorder.span("call", kind="model"):
        raise TimeoutError("no answer within 20 s")
    trace.finish("error")
    body = signed_in(alice).get(trace_page(trace.trace_id)).content.decode()
    assert "TimeoutError: no answer within 20 s" in body


def test_the_file_holds_the_whole_trace(alice: Member, signed_in: Signed) -> None:
    trace_id = record(alice.principal, "Anything", steps=2)
    found = signed_in(alice).get(f"{LIST}{trace_id}/trace.json").json()
    assert found["trace_id"] == trace_id
    assert len(found["spans"]) == 4


@pytest.mark.parametrize("rest", ["change/", "trace.json", "spans/{span}/"])
def test_a_foreign_trace_answers_like_one_that_is_not(
    alice: Member, charlie: Member, signed_in: Signed, rest: str
) -> None:
    trace_id = record(alice.principal, "What Acme asks")
    span_id = span_ids(alice, trace_id)["retrieve"]
    client = signed_in(charlie)
    foreign, absent = (
        client.get(f"{LIST}{one}/{rest.format(span=span_id)}") for one in (trace_id, "0" * 32)
    )
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content.replace(trace_id.encode(), b"") == absent.content.replace(b"0" * 32, b"")
    assert b"What Acme asks" not in client.get(LIST).content


def test_members_and_strangers_are_turned_away(
    alice: Member, bob: Member, signed_in: Signed
) -> None:
    trace_id = record(alice.principal, "What the boss asks")
    answer = signed_in(bob).get(trace_page(trace_id))
    assert answer.status_code in {302, 403}
    assert b"What the boss asks" not in answer.content


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0"),
        (0.42, "0.4 ms"),
        (9.94, "9.9 ms"),
        (120.4, "120 ms"),
        (1250, "1.25 s"),
        (125_000, "2 min 5 s"),
    ],
)
def test_durations_read_well(milliseconds: float, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0"),
        (0.00123, "$0.0012"),
        (1234.5, "$1,234.50"),
        (0.5, "$0.50"),
        (0.00000031, "$0.00000031"),
    ],
)
def test_money_reads_well(amount: float, text: str) -> None:
    assert usd(amount) == text
