"""Conversations with a scripted model on a real socket, and browsers that sign in."""

import time
from collections.abc import Callable, Iterator

import pytest
from django.test import Client

from chat import live
from chat.models import Message
from inference.encryption import encrypt
from inference.models import Model, Provider
from tests.cast import PASSWORD, Member
from tests.fakes.model_server import ModelServer
from tests.library import Library

Browser = Callable[[Member], Client]
PATIENCE = 15


@pytest.fixture
def scripted(
    alice: Member, acme_library: Library, model_server: ModelServer
) -> Iterator[ModelServer]:
    """Acme's default model is the fake server. Afterwards no answer is left being written."""
    with alice.scope():
        provider = Provider.objects.create(
            name="fake", base_url=model_server.base_url, encrypted_key=encrypt("sk-1")
        )
        Model.objects.create(
            provider=provider, name="fake-model", is_default=True, input_price=1, output_price=2
        )
    yield model_server
    for answer in live.answers():
        answer.stop.set()
    until(lambda: not live.answers())


@pytest.fixture
def browser() -> Browser:
    """``browser(alice)``: a client in which she is signed in, which keeps errors as pages."""

    def sign_in(member: Member) -> Client:
        client = Client(raise_request_exception=False)
        assert client.login(username=member.email, password=PASSWORD)
        return client

    return sign_in


def until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for something that another thread does."""
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


def ended(answer: Message, member: Member) -> Message:
    """The answer once nobody writes it any more."""
    until(lambda: not live.is_live(answer.pk))
    with member.scope():
        return Message.objects.get(pk=answer.pk)


def texts(answer: Message, member: Member) -> str:
    """What has been streamed so far."""
    with member.scope():
        events = answer.events.filter(kind="text").order_by("number")
        return "".join(event.payload["text"] for event in events)
