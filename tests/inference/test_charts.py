"""The chart of costs says what its table says: every bar to scale, the dearest first, the rest together."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from django.test import Client
from django.urls import reverse

from inference.charts import HEIGHT, WIDTH, stacked
from inference.costs import DayCost
from tests.cast import Member
from tests.inference.test_costs import book
from tests.library import Library

LAST = date(2026, 11, 20)


def spent(day: int, feature: str, cost: str) -> DayCost:
    return DayCost(date(2026, 11, day), feature, Decimal(cost))


def test_bars_are_to_scale_and_stand_on_each_other() -> None:
    chart = stacked(
        [spent(20, "chat", "3"), spent(20, "judge", "1"), spent(14, "chat", "2")],
        days=7,
        last=LAST,
    )
    assert chart is not None
    assert (chart.first, chart.top_usd) == (date(2026, 11, 14), Decimal(4))
    early, chat, judge = chart.parts
    assert (early.x, float(early.height)) == ("0.00", HEIGHT / 2)
    assert float(chat.height) == HEIGHT * 3 / 4
    assert float(chat.y) + float(chat.height) == HEIGHT
    assert float(judge.y) + float(judge.height) == float(chat.y)
    assert float(judge.y) == 0
    assert float(judge.x) + float(judge.width) < WIDTH
    assert [(one.name, one.percent) for one in chart.series] == [("chat", 83), ("judge", 17)]


def test_what_is_not_among_the_dearest_is_one() -> None:
    rows = [spent(20, f"feature {n}", str(n)) for n in range(1, 8)]
    chart = stacked(rows, days=7, last=LAST)
    assert chart is not None
    assert [one.name for one in chart.series] == [
        "feature 7",
        "feature 6",
        "feature 5",
        "feature 4",
        "",
    ]
    assert chart.series[-1].cost_usd == 6


def test_without_costs_there_is_no_chart() -> None:
    assert stacked([spent(20, "chat", "0")], days=7, last=LAST) is None


def test_the_page_draws_the_tenant_s_costs_and_no_style_of_its_own(
    alice: Member, charlie: Member
) -> None:
    book(alice, "0.75", feature="chat")
    book(alice, "0.25", feature="judge")
    book(charlie, "9.00", feature="theirs")
    client = Client()
    client.force_login(alice.user)
    shown = client.get(reverse("admin:inference_modelcall_totals"), {"days": "7"}).content.decode()
    figure = re.search(r'<figure class="cost-chart">.*?</figure>', shown, re.DOTALL)
    assert figure
    assert "chat took 75 % of it: $0.75" in figure[0]
    assert figure[0].count("<rect class=") == 4
    assert "theirs" not in figure[0]
    assert "style=" not in figure[0]
    by_model = client.get(reverse("admin:inference_modelcall_totals"), {"by": "model"})
    assert "=danger took 100 % of it" in by_model.content.decode()


def test_the_page_draws_costs_by_whatever_one_asks_and_calls_it_by_its_name(
    alice: Member, acme_library: Library
) -> None:
    collection = acme_library.collections["handbook"]
    book(alice, "0.75", feature="chat", collections=(collection.pk,))
    client = Client()
    client.force_login(alice.user)
    for group, name in (
        ("user", alice.email),
        ("key", "without a key"),
        ("collection", collection.name),
    ):
        asked = {"days": "7", "by": group}
        shown = client.get(reverse("admin:inference_modelcall_totals"), asked).content.decode()
        assert f"{name} took 100 % of it: $0.75" in shown, group
        sheet = client.get(reverse("admin:inference_modelcall_csv"), asked).content.decode()
        assert "0.75" in sheet.splitlines()[1]
        assert sheet.startswith("name,group,calls")
