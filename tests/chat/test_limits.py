"""What a member reads when money or models are gone: each of the owner's choices once, from the budget to the page."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse

from inference.models import Budget, Model
from tests.cast import Member
from tests.chat.conftest import Browser, ended
from tests.chat.test_turns import ask
from tests.fakes.model_server import ModelServer


@pytest.fixture
def spent_up(alice: Member, scripted: ModelServer) -> Budget:
    """A budget that pays for no answer of the (dear) model, and a small, cheap model beside it."""
    with alice.scope():
        Model.objects.update(input_price=100, output_price=1000)
        Model.objects.create(
            provider=Model.objects.select_related("provider").get().provider,
            name="small-model",
            tier="small",
            input_price=Decimal("0.001"),
            output_price=Decimal("0.001"),
        )
        return Budget.objects.create(name="one cent", limit_usd=Decimal("0.01"))


@pytest.mark.parametrize(
    ("choice", "state", "model", "said"),
    [
        (
            "refuse",
            "failed",
            "",
            "The budget for answers is used up. An administrator can raise it.",
        ),
        (
            "smaller",
            "complete",
            "small-model",
            "The budget &#x27;one cent&#x27; is used up, so a smaller model answered.",
        ),
        (
            "extractive",
            "complete",
            "footnote/extractive",
            "The budget &#x27;one cent&#x27; is used up, so these sentences are quoted.",
        ),
    ],
)
def test_the_owners_choice_at_the_limit_is_told_in_the_chat(
    alice: Member,
    browser: Browser,
    scripted: ModelServer,
    spent_up: Budget,
    choice: str,
    state: str,
    model: str,
    said: str,
) -> None:
    with alice.scope():
        spent_up.at_limit = choice
        spent_up.save()
    turn = ask(alice)
    answer = ended(turn.answer, alice)
    assert answer.state == state
    assert answer.model == model or state == "failed"
    assert said in page_of(turn.answer.conversation_id, browser, alice)
    asked = [one.body["model"] for one in scripted.requests if "chat" in one.path]
    assert asked == (["small-model"] if choice == "smaller" else [])


def page_of(conversation_id: object, browser: Browser, member: Member) -> str:
    return browser(member).get(reverse("conversation", args=[conversation_id])).content.decode()
