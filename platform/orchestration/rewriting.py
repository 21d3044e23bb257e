"""A follow-up as a question of its own, written by a model. Entry point: ``sought_for``.

Only a question that does not stand alone is rewritten, and only where the tenant has a model that can: a route for
``rewrite``, or a default model other than the built-in one. Whatever goes wrong, the rule of ``search_text`` stands.
What the model writes is searched for and never shown as an answer, so that documents quoted in the conversation cannot
speak through it.
"""

import hashlib
import json
import logging
import threading
from dataclasses import dataclass
from typing import Literal

from inference import gateway
from inference.caching import entries, policies
from inference.caching.keys import Key
from inference.errors import Cancelled, InferenceError
from inference.patience import patient
from inference.prompts.choosing import Chosen, choose
from inference.prompts.kinds import REWRITE
from inference.providers.provider import ResolvedModel
from inference.routing.plans import plan_of
from inference.types import EXTRACTIVE_MODEL, ChatRequest, Message
from orchestration.questions import LONGEST_REMINDER, Question, search_text
from tenants.scope import Principal, tenant_scope

FEATURE = "rewrite"
# Somebody waits for the search: a model is not waited for longer than this (seconds).
PATIENCE = 2.0
MOST_TOKENS = 80
# The turns that say what a follow-up is about.
TURNS = 6
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sought:
    """What to search for, who wrote it, and what the rule alone would search for."""

    text: str
    by: Literal["asker", "rule", "model"]
    rule: str
    follow_up: str = ""
    """The end of ``text`` that is asked now, where the rule has put an earlier question before it."""


def sought_for(
    question: Question, principal: Principal, *, stop: threading.Event | None = None
) -> Sought:
    """What to search for. Raises Cancelled. Cost: for a follow-up at most one model call of some two seconds."""
    rule = search_text(question)
    if rule == question.text:
        return Sought(rule, "asker", rule)
    written = _written(question, principal, stop or threading.Event())
    return Sought(written, "model", rule) if written else Sought(rule, "rule", rule, question.text)


def _written(question: Question, principal: Principal, stop: threading.Event) -> str:
    """The model's question; empty where there is no model, or nothing that can be used came of it."""
    if question.model == EXTRACTIVE_MODEL:
        return ""
    try:
        return _asked(question, principal, stop)
    except InferenceError as error:
        if stop.is_set():
            raise Cancelled("stopped before the search") from error
        _log.info("a follow-up is searched by the rule: %s", error)
        return ""


def _asked(question: Question, principal: Principal, stop: threading.Event) -> str:
    """From a model, or what it wrote before to the very same words. Raises InferenceError."""
    with tenant_scope(principal.as_reader()):
        chosen = choose(REWRITE.name, sticky=str(question.conversation_id or principal.user_id))
        policy = policies.of(FEATURE)
    request = ChatRequest(
        _messages(question, chosen),
        FEATURE,
        principal,
        temperature=0.0,
        max_tokens=MOST_TOKENS,
        stop=patient(PATIENCE, stop),
        prompt=chosen.used,
        conversation_id=question.conversation_id,
        collections=question.collection_ids or (),
    )
    model = plan_of(request).choices[0].model
    if model.name == EXTRACTIVE_MODEL:
        return ""
    key = _key(request, model)
    if hit := entries.find(key, policy, accept=lambda _: True):
        return str(hit.entry.value["text"])
    result = gateway.chat(request)
    usable = result.finish_reason == "stop" and result.model != EXTRACTIVE_MODEL
    line = _line(result.text) if usable else ""
    if line and policy.exact and model.wrote(result):
        entries.keep(key, policy, value={"text": line}, model=result.model, cost=result.cost)
    return line


def _key(request: ChatRequest, model: ResolvedModel) -> Key:
    """No document is read for it: all that it depends on is the conversation, of which only the digest is kept."""
    told = json.dumps([[one.role, one.content] for one in request.messages])
    return Key(
        principal=request.principal.as_reader(),
        feature=FEATURE,
        question=hashlib.sha256(told.encode()).hexdigest(),
        corpus="",
        collections=request.collections,
        prompt_version_id=request.prompt.version_id if request.prompt else None,
        model=model.identity,
        parameters=(("max_tokens", MOST_TOKENS), ("temperature", 0.0)),
    )


def _messages(question: Question, chosen: Chosen) -> list[Message]:
    turns = [f"{author}: {text[:LONGEST_REMINDER]}" for author, text in question.history[-TURNS:]]
    values = {"conversation": "\n".join(turns), "question": question.text}
    return chosen.template.render(values)


def _line(text: str) -> str:
    """What was written, if it is one line of a question's length."""
    line = text.strip().strip('"“”').strip()
    return line if "\n" not in line and len(line) <= 2 * LONGEST_REMINDER else ""
