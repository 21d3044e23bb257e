"""Answers in JSON of a schema: asked for, checked, mended, asked for once more, or an error.

Entry point: `answered`. The schema goes to the provider as `response_format`, which the process learns to leave out
where it is refused, and to the model in words. Each of the at most two calls has its own row in the ledger. The guard
`json` says whether slips are mended and the model is asked again, or nothing but valid JSON will do; what it finds is
kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from inference.errors import InvalidAnswer
from inference.guards import duty, json_schema, policies
from inference.guards.findings import Action, Finding, Raised
from inference.guards.json_schema import NotThatJson
from inference.types import ChatRequest, ChatResult, Message
from traces import recorder

Ask: TypeAlias = Callable[[ChatRequest], ChatResult]
TOLD = "Answer with JSON alone, without any other text, that is valid by this JSON Schema:\n"
REPAIR = "That answer cannot be used: {problem}. Answer again, with the corrected JSON alone."
# Of an answer that was wrong, as much is shown to its model again.
MOST_SHOWN = 20_000


def answered(request: ChatRequest, schema: Mapping[str, Any], ask: Ask) -> ChatResult:
    """The answer with its `data`; tokens, cost and time of both calls. One call, or two.

    Raises ValueError for a schema that is none, InvalidAnswer when the second answer was wrong too (or the first, where
    the tenant blocks), and what `ask` raises.
    """
    json_schema.check(schema)
    asked, strict = _told(request, schema), _action(request) == "block"
    first = ask(asked)
    try:
        return _with_data(request, first, schema, mend=not strict)
    except NotThatJson as error:
        if strict:
            raise InvalidAnswer(f"{first.provider}/{first.model}: {error}") from error
        second = ask(_again(asked, first.text, str(error)))
    try:
        return _with_data(request, _together(first, second), schema, mend=True)
    except NotThatJson as error:
        raise InvalidAnswer(f"{second.provider}/{second.model}, twice: {error}") from error


def _action(request: ChatRequest) -> Action:
    return policies.of(request.principal).settings["json"].action


def _told(request: ChatRequest, schema: Mapping[str, Any]) -> ChatRequest:
    """Candidates that answer in JSON; never the built-in model, which quotes."""
    written = [one.content for one in request.messages if one.role == "user"]
    told = Message("system", TOLD + json.dumps(schema, ensure_ascii=False, sort_keys=True))
    return replace(
        request,
        messages=[told, *request.messages],
        needs=request.needs | {"json"},
        fall_back=False,
        # What guards read stays what the person wrote, also when the last message is ours.
        question=request.question or "".join(written[-1:]),
        earlier=() if request.question else tuple(written[:-1]),
    )


def _again(asked: ChatRequest, text: str, problem: str) -> ChatRequest:
    wrong = Message("assistant", text[:MOST_SHOWN])
    please = Message("user", REPAIR.format(problem=problem))
    return replace(asked, messages=[*asked.messages, wrong, please])


def _with_data(
    request: ChatRequest, result: ChatResult, schema: Mapping[str, Any], *, mend: bool
) -> ChatResult:
    try:
        told = json_schema.read(result.text, schema, mend=mend)
    except NotThatJson as error:
        _keep(request, json_schema.unusable(result.text, error))
        raise
    if told.slips:
        _keep(request, json_schema.mended(result.text, told))
    return replace(result, text=told.text, data=told.value)


def _keep(request: ChatRequest, found: Finding) -> None:
    """For review, with what was wrong instead of the text. One insert."""
    raised = Raised("json", "answer", _action(request), found, found.says)
    trace_id, _ = recorder.current_ids()
    with recorder.span("json", kind="guard") as step:
        step.set(footnote__guards=[raised.as_json()], footnote__json=found.says)
    duty.keep([raised], principal=request.principal, feature=request.feature, trace_id=trace_id)


def _together(first: ChatResult, second: ChatResult) -> ChatResult:
    return replace(
        second,
        usage=first.usage + second.usage,
        cost=first.cost + second.cost,
        latency_ms=first.latency_ms + second.latency_ms,
        attempts=first.attempts + second.attempts,
    )
