"""An answer's event stream over a real socket: as it happens, resumed, caught up, in another process, and guarded."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from django.conf import settings
from django.test import Client

from chat import live, turns
from chat.models import Message, MessageEvent
from tests.cast import Member
from tests.chat.conftest import Browser, ended, texts, until
from tests.chat.test_turns import GOOD, SLOW, ask, begun, orphan
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer

# Seconds before the first word, so that a busy machine, too, is listening by then.
READER_IS_THERE = 1.0


class Frame:
    """One server-sent event."""

    def __init__(self, lines: list[str]) -> None:
        fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
        self.name = fields.get("event", "")
        self.id = fields.get("id", "")
        self.data = json.loads(fields["data"]) if "data" in fields else {}


@contextmanager
def listening(
    site: str, client: Client, message: Message, **headers: str
) -> Iterator[Iterator[Frame]]:
    """The frames of a message's stream, read as they come."""
    cookies = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    url = f"{site}/m/{message.pk}/events/"
    with (
        httpx.Client(cookies=cookies, timeout=20) as http,
        http.stream("GET", url, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        yield frames(response.iter_lines())


def frames(lines: Iterator[str]) -> Iterator[Frame]:
    gathered: list[str] = []
    for line in lines:
        if line:
            gathered.append(line)
        elif gathered:
            yield Frame(gathered)
            gathered = []


def shown(received: list[Frame]) -> str:
    """What the reader's page holds after these frames."""
    pieces: dict[int, str] = {}
    for frame in received:
        if frame.name == "block":
            pieces[frame.data["index"]] = frame.data["html"]
    return "".join(pieces[index] for index in sorted(pieces))


def test_words_say_what_happens_before_the_first_word_of_the_answer(
    site: str, alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(GOOD, first_delay=READER_IS_THERE))
    turn = ask(alice)
    with listening(site, browser(alice), turn.answer) as stream:
        received = list(stream)
    said = [frame.data["text"] for frame in received if frame.name == "status"]
    assert said[-1] == "Searching “Handbook”… 2 passages from 2 documents… writing…"
    assert received[-1].name == "final"
    assert received[-1].data == {"state": "complete"}


def test_text_comes_while_it_is_written(
    site: str, alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(GOOD, first_delay=READER_IS_THERE, delay=0.1))
    turn = ask(alice)
    with listening(site, browser(alice), turn.answer) as stream:
        arrived = [
            (time.monotonic(), frame.data["html"]) for frame in stream if frame.name == "block"
        ]
    assert len(arrived) > 4
    assert arrived[-1][0] - arrived[0][0] > 0.4
    assert "25 days of paid leave a year" in arrived[-1][1]


def test_a_lost_connection_goes_on_where_it_was(
    site: str, alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    long = GOOD + "\n\nSecond paragraph here, quite long."
    scripted.script(behaviours.answer(long, first_delay=READER_IS_THERE, delay=0.1))
    turn, client = ask(alice), browser(alice)
    first: list[Frame] = []
    with listening(site, client, turn.answer) as stream:
        for frame in stream:
            first.append(frame)
            if frame.name == "block" and frame.id:
                break
    with listening(site, client, turn.answer, **{"Last-Event-ID": first[-1].id}) as stream:
        second = list(stream)
    assert not [frame for frame in second if frame.name == "status"], "the reader has that already"
    with listening(site, client, turn.answer) as stream:
        whole = list(stream)
    assert shown(first + second) == shown(whole)
    assert min(int(frame.id) for frame in second if frame.id) > int(first[-1].id)


def test_a_reload_catches_up_at_once(
    site: str, alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    turn = ask(alice)
    ended(turn.answer, alice)
    with listening(site, browser(alice), turn.answer) as stream:
        received = list(stream)
    assert len([frame for frame in received if frame.name == "block"]) <= 2
    assert received[-1].name == "final"


def test_an_answer_written_by_another_process_is_followed(
    site: str, alice: Member, browser: Browser
) -> None:
    turn = orphan(alice)

    def store(number: int, kind: str, payload: dict[str, object]) -> None:
        with alice.scope():
            MessageEvent.objects.create(
                message_id=turn.answer.pk, number=number, kind=kind, payload=payload
            )

    store(1, "searching", {"collections": []})
    with listening(site, browser(alice), turn.answer) as stream:
        assert next(stream).data == {}
        assert next(stream).data == {"text": "Searching…"}
        store(2, "text", {"text": "Hello *there*"})
        assert next(stream).data == {"index": 0, "html": "<p>Hello <em>there</em></p>\n"}
        with alice.scope():
            assert turns.stop(answer=turn.answer)
        assert next(stream).data == {"state": "stopped"}


def test_a_stop_reaches_the_reader(
    site: str, alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    scripted.script(behaviours.slow_drip(SLOW))
    turn, client = begun(alice), browser(alice)
    with listening(site, client, turn.answer) as stream:
        next(stream)
        assert client.post(f"/m/{turn.answer.pk}/stop/").status_code == 302
        began = time.monotonic()
        assert [frame.data for frame in stream if frame.name == "final"] == [{"state": "stopped"}]
        assert time.monotonic() - began < 1


def test_readers_that_go_away_do_not_end_the_answer(
    site: str, alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    scripted.script(behaviours.slow_drip(GOOD, delay=0.05))
    turn, client = ask(alice), browser(alice)
    for _ in range(5):
        with listening(site, client, turn.answer) as stream:
            next(stream)
    answer = ended(turn.answer, alice)
    assert (answer.state, answer.text) == ("complete", GOOD)
    until(lambda: turn.answer.pk not in live._listeners)


def test_the_stream_of_somebody_else_does_not_exist(
    site: str, alice: Member, bob: Member, charlie: Member, browser: Browser
) -> None:
    turn = orphan(alice)
    told = set()
    for member in (bob, charlie):
        client = browser(member)
        theirs = client.get(f"/m/{turn.answer.pk}/events/")
        absent = client.get(f"/m/{alice.tenant.pk}/events/")
        told |= {(theirs.status_code, theirs.content), (absent.status_code, absent.content)}
    assert len(told) == 1
    assert next(iter(told))[0] == 404


@pytest.mark.parametrize("last", ["", "x", "-1", "99999999999999999999", "٣"])
def test_an_odd_place_to_resume_from_is_the_beginning(
    site: str, alice: Member, browser: Browser, scripted: ModelServer, last: str
) -> None:
    turn = ask(alice)
    ended(turn.answer, alice)
    cookie = browser(alice).cookies[settings.SESSION_COOKIE_NAME].value
    received = httpx.get(
        f"{site}/m/{turn.answer.pk}/events/",
        params={"after": last},
        cookies={settings.SESSION_COOKIE_NAME: cookie},
    )
    assert "event: block" in received.text
    assert texts(turn.answer, alice)
