"""Chat's pages as a browser without scripts sees them, and what belongs to somebody else."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat import showing
from chat.models import Citation, Conversation, Message
from ingestion.models import Chunk
from tenants import people
from tenants.scope import platform_principal, tenant_scope
from tests.cast import PASSWORD, Member
from tests.chat.conftest import Browser, ended
from tests.chat.test_rendering import Seen
from tests.chat.test_turns import ASKED, GOOD, ask, orphan
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer
from tests.library import Library
from traces.models import Feedback


@pytest.fixture
def answered(alice: Member, scripted: ModelServer) -> Message:
    """An answer of Alice's with a citation."""
    scripted.script(behaviours.answer(GOOD))
    return ended(ask(alice).answer, alice)


def page(browser: Browser, member: Member, url: str) -> str:
    response = browser(member).get(url)
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_stranger_is_sent_to_sign_in_and_comes_back(alice: Member) -> None:
    visitor = Client()
    sent = visitor.get("/c/", follow=False)
    assert sent.headers["Location"] == "/sign-in/?next=/c/"
    back = visitor.post(sent.headers["Location"], {"username": alice.email, "password": PASSWORD})
    assert back.headers["Location"] == "/c/"


def test_a_form_without_script_asks_and_shows_the_answer(
    alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(GOOD))
    client = browser(alice)
    sent = client.post("/ask/", {"text": ASKED})
    assert sent.status_code == 302
    conversation_id = sent.headers["Location"].split("/")[2]
    with alice.scope():
        answer = Message.objects.get(conversation_id=conversation_id, author="assistant")
    ended(answer, alice)
    shown = client.get(f"/c/{conversation_id}/").content.decode()
    assert ASKED in shown
    assert "25 days of paid leave a year" in shown
    assert f'href="/m/{answer.pk}/sources/1/"' in shown
    follow_up = client.post(
        f"/c/{conversation_id}/ask/", {"text": "And?", "parent": str(answer.pk)}
    )
    assert follow_up.status_code == 302


def test_a_bad_question_says_why_and_stores_nothing(alice: Member, browser: Browser) -> None:
    client = browser(alice)
    assert (
        "Write a question first."
        in client.post("/ask/", {"text": " "}, follow=True).content.decode()
    )
    told = client.post("/ask/", {"text": "x" * 9000}, headers={"X-Requested-With": "footnote"})
    assert told.status_code == 422
    assert "9000 characters" in told.json()["errors"]["text"][0]
    told = client.post(
        "/ask/", {"text": "x", "collections": "nonsense"}, headers={"X-Requested-With": "footnote"}
    )
    assert told.status_code == 422
    with alice.scope():
        assert not Conversation.objects.exists()


def test_an_answer_shows_its_sources_and_what_it_cost(
    alice: Member, browser: Browser, answered: Message
) -> None:
    shown = page(browser, alice, f"/c/{answered.conversation_id}/")
    assert "1 source" in shown
    assert "fake-model" in shown
    assert "US$" in shown
    assert f"/admin/traces/trace/{answered.trace_id}/" in shown


def test_a_member_sees_neither_cost_nor_trace(
    bob: Member, browser: Browser, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(GOOD))
    answer = ended(ask(bob).answer, bob)
    shown = page(browser, bob, f"/c/{answer.conversation_id}/")
    assert "fake-model" in shown
    assert "US$" not in shown
    assert "/admin/" not in shown


def test_everything_that_was_typed_or_read_is_escaped(
    alice: Member, browser: Browser, acme_library: Library
) -> None:
    evil = '" onx="1"><script>alert(1)</script>'
    with alice.scope():
        conversation = Conversation.objects.create(user=alice.user, title=evil)
        question = Message.objects.create(conversation=conversation, author="user", text=evil)
        answer = Message.objects.create(
            conversation=conversation,
            parent=question,
            author="assistant",
            text=evil,
            reason=evil,
            state="incomplete",
            model=evil,
            details={"degraded": evil, "searched": [evil]},
        )
        Citation.objects.create(
            message=answer,
            chunk=Chunk.objects.first(),
            number=1,
            title=evil,
            quote=evil,
            span_start=0,
            span_end=3,
        )
    for url in (f"/c/{conversation.pk}/", "/", f"/m/{answer.pk}/sources/1/", "/palette/?q=script"):
        shown = page(browser, alice, url)
        assert "<script>alert" not in shown
        assert not [each for each in Seen(shown).attributes if each[1] == "onx"]


def test_states_say_what_happened_and_what_to_do(alice: Member, browser: Browser) -> None:
    turn = orphan(alice)
    url = f"/c/{turn.answer.conversation_id}/"
    told = {
        "stopped": "You stopped this answer.",
        "incomplete": "This answer is not complete.",
        "failed": "There is no answer.",
    }
    for state, words in told.items():
        with alice.scope():
            Message.objects.filter(pk=turn.answer.pk).update(state=state, reason="The reason.")
        shown = page(browser, alice, url)
        assert words in shown
        assert f"/m/{turn.answer.pk}/regenerate/" in shown
        assert state == "stopped" or "The reason." in shown


def test_a_refusal_shows_what_was_near_and_what_to_try(
    alice: Member, browser: Browser, answered: Message
) -> None:
    with alice.scope():
        nearest = answered.details["nearest"]
        Message.objects.filter(pk=answered.pk).update(answered=False)
    assert nearest
    shown = page(browser, alice, f"/c/{answered.conversation_id}/")
    assert "The nearest passages, which do not answer it:" in shown
    assert f"/documents/{nearest[0]['document_id']}/" in shown
    assert "Searched: Handbook." in shown


def test_a_sentence_without_support_is_marked(
    alice: Member, browser: Browser, scripted: ModelServer
) -> None:
    scripted.script(behaviours.answer(GOOD + " The moon is made of green cheese."))
    answer = ended(ask(alice).answer, alice)
    shown = page(browser, alice, f"/c/{answer.conversation_id}/")
    assert ">The moon is made of green cheese.</span>" in shown
    assert "1 sentence without one" in shown


def test_an_empty_tenant_sends_owners_to_upload_and_members_to_them(
    alice: Member, bob: Member, browser: Browser
) -> None:
    assert "Upload documents" in page(browser, alice, "/")
    shown = page(browser, bob, "/")
    assert "Upload documents" not in shown
    assert "Ask one of its administrators" in shown


def test_without_a_model_only_administrators_are_told_how_to_configure_one(
    alice: Member, bob: Member, browser: Browser, acme_library: Library
) -> None:
    assert "OPENAI_API_KEY" in page(browser, alice, "/")
    assert "OPENAI_API_KEY" not in page(browser, bob, "/")


def test_the_list_is_searched_and_the_palette_finds(
    alice: Member, browser: Browser, answered: Message, acme_library: Library
) -> None:
    assert str(answered.conversation_id) in page(browser, alice, "/c/?q=paid+leave")
    assert "No conversation holds" in page(browser, alice, "/c/?q=unheard")
    found = page(browser, alice, "/palette/?q=expen")
    assert ">Expenses<" in found
    assert "/?ask=unheard" in page(browser, alice, "/palette/?q=unheard")


def test_a_thumb_and_its_reason_are_kept(
    alice: Member, browser: Browser, answered: Message
) -> None:
    client = browser(alice)
    url = f"/m/{answered.pk}/rate/"
    asked = client.post(url, {"score": "-1"}, headers={"HX-Request": "true"}).content.decode()
    assert "What was wrong?" in asked
    thanked = client.post(
        url, {"score": "-1", "comment": "Old figure"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "Thank you." in thanked
    with alice.scope():
        (rating,) = Feedback.objects.filter(message_id=answered.pk)
    assert (rating.score, rating.comment, rating.trace_id) == (-1, "Old figure", answered.trace_id)
    assert client.post(url, {"score": "7"}, headers={"HX-Request": "true"}).status_code == 422


def test_a_page_costs_the_same_number_of_queries_however_long_it_is(
    alice: Member, browser: Browser, acme_library: Library
) -> None:
    turn, client, counts = orphan(alice), browser(alice), []
    with alice.scope():
        Message.objects.filter(pk=turn.answer.pk).update(state="complete", text="x")
    url = f"/c/{turn.answer.conversation_id}/"
    client.get(url)
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
        with alice.scope():
            last = Message.objects.filter(conversation_id=turn.answer.conversation_id).order_by(
                "-id"
            )[0]
            for author in ("user", "assistant") * 4:
                last = Message.objects.create(
                    conversation_id=last.conversation_id, parent=last, author=author, text="x"
                )
            Conversation.objects.create(user=alice.user, title="one more")
    assert counts[0] == counts[1]
    assert counts[0] < 30


# ---- somebody else's -----------------------------------------------------------------------------


def test_what_is_somebody_else_s_is_answered_like_what_is_not(
    alice: Member, bob: Member, charlie: Member, browser: Browser, answered: Message
) -> None:
    conversation, message = str(answered.conversation_id), str(answered.pk)
    gets = [
        "/c/{c}/", "/c/{c}/?at={m}", "/m/{m}/", "/m/{m}/events/", "/m/{m}/sources/1/",
    ]  # fmt: skip
    posts = [
        "/c/{c}/ask/", "/c/{c}/rename/", "/c/{c}/delete/", "/c/{c}/restore/",
        "/m/{m}/edit/", "/m/{m}/regenerate/", "/m/{m}/stop/", "/m/{m}/rate/",
    ]  # fmt: skip
    form = {"text": "x", "title": "x", "score": "1"}
    for member in (bob, charlie):
        client = browser(member)
        for method, urls in (("get", gets), ("post", posts)):
            for url in urls:
                theirs = getattr(client, method)(url.format(c=conversation, m=message), form)
                absent = getattr(client, method)(url.format(c=uuid4(), m=uuid4()), form)
                assert theirs.status_code == absent.status_code == 404, url
                assert theirs.content == absent.content, url
    with alice.scope():
        assert Message.objects.filter(conversation_id=conversation).count() == 2
        assert Conversation.objects.get(pk=conversation).deleted_at is None
        assert not Feedback.objects.exists()


def test_a_question_cannot_be_asked_after_a_message_of_another_conversation(
    alice: Member, browser: Browser, answered: Message
) -> None:
    other = orphan(alice)
    sent = browser(alice).post(
        f"/c/{other.question.conversation_id}/ask/", {"text": "x", "parent": str(answered.pk)}
    )
    assert sent.status_code == 404


def test_a_member_who_was_put_out_is_out_at_once(bob: Member, browser: Browser) -> None:
    client = browser(bob)
    assert client.get("/").status_code == 200
    with bob.scope():
        bob.membership.is_active = False
        bob.membership.save()
    assert client.get("/").status_code == 403


def test_a_person_of_two_tenants_changes_between_them(
    alice: Member, charlie: Member, browser: Browser
) -> None:
    with tenant_scope(platform_principal(charlie.tenant.pk)):
        people.add_member(email=alice.email, role="member")
    client = browser(alice)
    orphan(alice)
    assert "Acme" in client.get("/").content.decode()
    assert client.post(f"/switch/{charlie.tenant.pk}/").status_code == 302
    shown = client.get("/").content.decode()
    assert "paid leave" not in shown
    assert client.post(f"/switch/{uuid4()}/").status_code == 404


def test_a_conversation_is_taken_along_with_its_sources(
    alice: Member, bob: Member, browser: Browser, answered: Message
) -> None:
    url = f"/c/{answered.conversation_id}/export/"
    response = browser(alice).get(url)
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="how-many-days')
    text = response.content.decode()
    assert f"> {ASKED}" in text
    assert "25 days of paid leave a year" in text
    assert "- [1] Leave: “Employees get 25 days of paid leave a year.”" in text
    assert url in page(browser, alice, f"/c/{answered.conversation_id}/")
    assert browser(bob).get(url).status_code == 404


@pytest.mark.parametrize(
    ("model", "degraded", "told"),
    [
        ("a", "", []),
        ("a", "The model is away.", ["The model is away."]),
        ("b", "a: rate_limited", ["a could not answer, another model did."]),
        (
            "footnote/extractive",
            "dense: no space; a: timeout; b: circuit_open",
            [
                "Found by its words alone, not by meaning.",
                "No language model could answer; these sentences are quoted.",
            ],
        ),
        (
            "b",
            "a: budget 'each person' is used up",
            ["The budget 'each person' is used up, so a smaller model answered."],
        ),
        (
            "footnote/extractive",
            "a: budget 'each person' is used up; b: budget 'each person' is used up",
            ["The budget 'each person' is used up, so these sentences are quoted."],
        ),
        (
            "a",
            "length: the answer was cut off at the limit of its length",
            ["The answer was cut off: it reached the limit of its length."],
        ),
        ("a", "rerank: It is slow. The order is", ["Not reranked. It is slow. The order is"]),
    ],
)
def test_what_an_answer_had_to_do_without_is_said_in_words(
    model: str, degraded: str, told: list[str]
) -> None:
    assert showing.losses(Message(model=model, details={"degraded": degraded})) == told
