"""Prompts: immutable versions, labels that choose, files that come back as they went."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection

from inference.models import PromptVersion
from inference.prompts import files, versions
from inference.prompts.choosing import bucket, choose
from inference.prompts.errors import PromptError, UnknownPrompt
from inference.prompts.files import PromptFile, built_in, built_in_id
from inference.types import Message
from tenants.models import AuditEvent
from tests.cast import Member

VARIABLES = ["no_answer", "passages", "question"]
BODY = "<<system>>\nSay {{ no_answer }} if need be .\n<<user>>\n{{ passages }}\n{{ question }}\n"
VALUES = {"no_answer": "NONE", "passages": "{{ question }}", "question": "Why?", "instructions": ""}


def prompt(words: str = "", note: str = "") -> PromptFile:
    return files.checked("answer", BODY.replace("need be ", f"need be {words}"), VARIABLES, note)


def test_what_a_passage_says_in_braces_is_no_variable() -> None:
    told = prompt().template.render(VALUES)
    assert told == [
        Message("system", "Say NONE if need be ."),
        Message("user", "{{ question }}\nWhy?"),
    ]


def test_a_section_with_a_condition_is_left_out_when_its_variable_is_empty() -> None:
    template = built_in("answer").template
    assert len(template.render(VALUES)) == 2
    wished = template.render(VALUES | {"instructions": "Rhyme."}, [Message("user", "Before?")])
    assert [one.role for one in wished] == ["system", "system", "user", "user"]
    assert wished[1].content.endswith("Rhyme.")
    assert wished[2].content == "Before?"


@pytest.mark.parametrize(
    ("body", "variables", "said"),
    [
        ("You answer.", VARIABLES, "begins with a line <<system>>"),
        (BODY.replace("<<system>>", "<<robot>>"), VARIABLES, "<<robot>>"),
        (BODY + "{{ secret }}", [*VARIABLES, "secret"], "secret }} is not offered to answer"),
        (BODY, [*VARIABLES, "instructions"], "instructions is declared in `variables` but not"),
        (BODY, VARIABLES[1:], "no_answer }} is used but not declared"),
        (BODY.replace("{{ question }}", ""), VARIABLES[:2], "question }} is missing"),
        (
            BODY.replace("<<system>>", "<<system>>\n{{ question }}"),
            VARIABLES,
            "cannot be cached by the",
        ),
        (BODY + "<<system>>\nLast words.", VARIABLES, "The last message is <<user>>"),
        (BODY.replace("Say", "\x00"), VARIABLES, "no NUL"),
    ],
)
def test_a_prompt_that_cannot_work_is_refused_with_the_reason(
    body: str, variables: list[str], said: str
) -> None:
    with pytest.raises(PromptError, match=r"^\['.*" + said.replace("{", r"\{")):
        files.checked("answer", body, variables)


def test_a_file_comes_back_as_it_went() -> None:
    written = prompt(note="Kürzer: «ja»")
    assert files.read(files.write(written)) == written
    assert files.read(files.write(built_in("answer"))) == built_in("answer")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<<system>>", "begins with front matter"),
        ("---\nprompt: answer\ncolour: red\nvariables: []\n---\n", "Unknown key 'colour'"),
        ("---\nprompt: [\n---\n", "no YAML"),
        ("---\nprompt: poem\nvariables: []\n---\nx", "no prompt 'poem'"),
        ("---\nprompt: answer\nvariables: passages\n---\nx", "a list of names"),
    ],
)
def test_a_bad_file_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(PromptError, match=said):
        files.read(text)


def test_without_a_label_the_shipped_default_answers(alice: Member) -> None:
    with alice.scope():
        versions.add(prompt())
        chosen = choose("answer", sticky="a")
    assert chosen.used.version_id == built_in_id("answer")
    assert chosen.used.version == "built-in"


def test_labels_choose_and_rolling_back_is_labelling_again(alice: Member, charlie: Member) -> None:
    with alice.scope():
        first, _ = versions.add(prompt("one"))
        second, _ = versions.add(prompt("two"))
        versions.label(prompt="answer", name="production", version=second)
        assert choose("answer", sticky="a").used.version == "2"
        versions.label(prompt="answer", name="production", version=first)
        assert choose("answer", sticky="a").used.version_id == first.pk
        versions.label(prompt="answer", name="production", version=None)
        assert choose("answer", sticky="a").used.version == "built-in"
        deeds = AuditEvent.objects.filter(action__startswith="prompt.").count()
    assert deeds == 5
    with charlie.scope():
        assert choose("answer", sticky="a").used.version == "built-in"
        with pytest.raises(UnknownPrompt):
            versions.numbered("answer", 1)


def test_a_canary_answers_its_share_and_stays_with_a_conversation(alice: Member) -> None:
    conversations = [str(n) for n in range(300)]
    with alice.scope():
        row, _ = versions.add(prompt())
        versions.label(prompt="answer", name="canary", version=row, percent=20)
        narrow = {one for one in conversations if choose("answer", sticky=one).used.version == "1"}
        versions.label(prompt="answer", name="canary", version=row, percent=50)
        again = {one for one in conversations if choose("answer", sticky=one).used.version == "1"}
    assert narrow == {one for one in conversations if bucket("answer", one) < 2000}
    assert narrow < again
    assert 35 <= len(narrow) <= 90


def test_the_same_text_is_no_new_version(alice: Member) -> None:
    with alice.scope():
        first, new = versions.add(prompt())
        again, newer = versions.add(prompt())
    assert (new, newer, again.pk) == (True, False, first.pk)


def test_the_database_lets_nobody_rewrite_a_version(alice: Member) -> None:
    with alice.scope():
        row, _ = versions.add(prompt())
    for statement in (
        "UPDATE inference_promptversion SET body = 'x'",
        "DELETE FROM inference_promptversion",
    ):
        with pytest.raises(DatabaseError, match="permission denied"), alice.scope():
            connection.cursor().execute(statement)
    with alice.scope():
        assert PromptVersion.objects.get(pk=row.pk).body == BODY.replace("need be ", "need be ")


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_share_is_a_percentage(alice: Member, percent: int) -> None:
    with alice.scope(), pytest.raises(ValidationError, match="0 to 100"):
        versions.label(prompt="answer", name="canary", version=None, percent=percent)


def test_choosing_costs_one_query(
    alice: Member, django_assert_num_queries: Callable[[int], object]
) -> None:
    with alice.scope():
        row, _ = versions.add(prompt())
        versions.label(prompt="answer", name="canary", version=row, percent=20)
        versions.label(prompt="answer", name="production", version=row)
        with django_assert_num_queries(1):  # type: ignore[attr-defined]
            choose("answer", sticky="x")
