"""Answers in JSON of a schema: checked, repaired once, and an error after that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inference import gateway
from inference.clients import Clients
from inference.errors import InputRefused, InvalidAnswer
from inference.guards import policies
from inference.models import ModelCall
from inference.types import ChatRequest, Finished, Message
from tests.cast import Member
from tests.fakes import behaviours
from tests.fakes.model_server import ModelServer

Ask = Callable[..., ChatRequest]
Rows = Callable[[], list[ModelCall]]
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["weeks"],
    "properties": {"weeks": {"type": "integer", "minimum": 0}},
}

pytestmark = pytest.mark.usefixtures("fake_model")


def test_json_of_the_schema_is_given_with_its_value_after_one_call(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(behaviours.answer('{"weeks": 5}'))
    result = gateway.chat(ask(json_schema=SCHEMA), clients=clients)
    assert (result.text, result.data) == ('{"weeks": 5}', {"weeks": 5})
    body = model_server.requests[0].body
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert '"weeks"' in body["messages"][0]["content"]
    assert len(ledger_rows()) == 1


def test_a_fence_around_the_json_is_no_mistake(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(behaviours.answer('```json\n{"weeks": 5}\n```'))
    result = gateway.chat(ask(json_schema=SCHEMA), clients=clients)
    assert (result.text, result.data) == ('{"weeks": 5}', {"weeks": 5})
    assert len(model_server.requests) == 1


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ('{"weeks": "five"}', "$.weeks: 'five' is not of type 'integer'"),
        ("Five weeks.", "it is no JSON"),
        ('{"weeks": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "nested too deeply"),
    ],
    ids=["type", "prose", "nan", "depth"],
)
def test_a_wrong_answer_is_repaired_once_and_both_calls_are_booked(
    wrong: str,
    why: str,
    ask: Ask,
    clients: Clients,
    model_server: ModelServer,
    ledger_rows: Rows,
) -> None:
    model_server.script(
        behaviours.answer(wrong, prompt_tokens=100), behaviours.answer('{"weeks": 5}')
    )
    result = gateway.chat(ask(json_schema=SCHEMA), clients=clients)
    assert result.data == {"weeks": 5}
    told = model_server.requests[1].body["messages"]
    assert (told[-2]["role"], told[-2]["content"]) == ("assistant", wrong[:20_000])
    assert why in told[-1]["content"]
    rows = ledger_rows()
    assert [row.outcome for row in rows] == ["ok", "ok"]
    assert result.cost == sum(row.cost_usd for row in rows)
    assert result.usage.prompt_tokens == sum(row.input_tokens for row in rows)


def test_two_wrong_answers_are_an_error_that_says_where(
    ask: Ask, clients: Clients, model_server: ModelServer, ledger_rows: Rows
) -> None:
    model_server.script(behaviours.answer('{"weeks": -1}'), behaviours.answer('{"weeks": -2}'))
    with pytest.raises(InvalidAnswer, match=r"fake/fake-model, twice: at \$\.weeks: -2 is less"):
        gateway.chat(ask(json_schema=SCHEMA), clients=clients)
    assert len(model_server.requests) == len(ledger_rows()) == 2


def test_a_provider_that_refuses_response_format_is_asked_in_words_alone(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    refusal = behaviours.failure(400, message="Unknown parameter: response_format")
    right = behaviours.answer('{"weeks": 5}')
    model_server.script(refusal, right, right)
    for _ in range(2):
        assert gateway.chat(ask(json_schema=SCHEMA), clients=clients).data == {"weeks": 5}
    assert ["response_format" in one.body for one in model_server.requests] == [True, False, False]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number of weeks"},
        {"$ref": "https://schemas.example/leave.json"},
        {"properties": {"weeks": {"$ref": "#/$defs/weeks"}}},
    ],
    ids=["no schema", "elsewhere", "nowhere"],
)
def test_what_is_no_schema_is_refused_before_anybody_is_asked(
    schema: dict[str, Any], ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    with pytest.raises(ValueError, match="json_schema: "):
        gateway.chat(ask(json_schema=schema), clients=clients)
    assert model_server.requests == []


def test_guards_read_the_question_and_not_the_wish_to_repair(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    with alice.scope():
        policies.set_action("length", "block", {"most": 100})
    model_server.script(behaviours.answer("Five."), behaviours.answer('{"weeks": 5}'))
    assert gateway.chat(ask(json_schema=SCHEMA), clients=clients).data == {"weeks": 5}
    long = [Message("user", "How long is leave? " * 6)]
    with pytest.raises(InputRefused):
        gateway.chat(ask(json_schema=SCHEMA, messages=long), clients=clients)


def test_guards_read_what_was_written_earlier(
    alice: Member, ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    with alice.scope():
        policies.set_action("length", "block", {"most": 100})
    told = [Message("user", "How long is leave? " * 6), Message("user", "How long?")]
    with pytest.raises(InputRefused):
        gateway.chat(ask(json_schema=SCHEMA, messages=told), clients=clients)
    assert model_server.requests == []


def test_a_stream_is_delivered_as_it_is_written(
    ask: Ask, clients: Clients, model_server: ModelServer
) -> None:
    model_server.script(behaviours.answer("Five weeks."))
    *_, last = gateway.stream(ask(json_schema=SCHEMA), clients=clients)
    assert isinstance(last, Finished)
    assert (last.result.text, last.result.data) == ("Five weeks.", None)
