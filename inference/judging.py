"""Whether passages bear out a sentence of an answer, said by a model. Entry point: `with_judge`.

Off unless the tenant's guard `support` says `judge`. The route of the feature `judge` (else the default model) says who
is asked, the prompt `judge` what; each verdict is a call with its own ledger row, asked once for the same sentence and
passages. Whatever goes wrong, and for the built-in model, there is no verdict: the words decide then.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from inference.caching import entries
from inference.caching import policies as caching
from inference.caching.keys import Key
from inference.errors import InferenceError
from inference.guards import policies
from inference.prompts.choosing import Chosen, choose
from inference.prompts.fences import defused
from inference.prompts.kinds import JUDGE
from inference.providers.provider import ResolvedModel
from inference.routing.plans import plan_of
from inference.types import EXTRACTIVE_MODEL, ChatRequest, ChatResult, Timeouts
from tenants.scope import tenant_scope

FEATURE = "judge"
VERDICTS = ("supported", "contradicted", "unsupported")
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["verdict"],
    "properties": {"verdict": {"enum": list(VERDICTS)}},
}
MOST_TOKENS = 60
# A reader may be waiting for the sentence.
PATIENCE = Timeouts(connect=2.0, first_token=8.0, between_tokens=5.0, total=12.0)
_log = logging.getLogger(__name__)
Ask = Callable[[ChatRequest], ChatResult]


def with_judge(request: ChatRequest, ask: Ask) -> ChatRequest:
    """The request with a judge where the tenant wants one, else as it was. No query beyond the kept policies."""
    if request.feature == FEATURE or not request.passages:
        return request
    setting = policies.of(request.principal).settings["support"]
    if setting.action == "off" or not setting.options.get("judge"):
        return request
    return replace(request, judge=_Judge(request, ask))


@dataclass
class _Judge:
    """Of one answer. After a failure it is not asked again: a reader would wait for each sentence."""

    about: ChatRequest
    ask: Ask
    failed: bool = False

    def __call__(self, claim: str, passages: Sequence[str]) -> str | None:
        """One of `VERDICTS`, or None. At most one model call, and three queries around it."""
        if self.failed:
            return None
        try:
            return self._verdict(claim, passages)
        except InferenceError as error:
            self.failed = True
            _log.info("support is judged by the words: %s", error)
            return None

    def _verdict(self, claim: str, passages: Sequence[str]) -> str | None:
        principal = self.about.principal
        with tenant_scope(principal.as_reader()):
            chosen = choose(JUDGE.name, sticky=str(self.about.conversation_id or principal.user_id))
            policy = caching.of(FEATURE)
        request = self._request(claim, passages, chosen)
        model = plan_of(request).choices[0].model
        if model.name == EXTRACTIVE_MODEL:
            return None
        key = self._key(claim, passages, chosen, model)
        if hit := entries.find(key, policy, accept=lambda _: True):
            return str(hit.entry.value["verdict"])
        result = self.ask(request)
        verdict = str(result.data["verdict"])
        if policy.exact and model.wrote(result):
            entries.keep(
                key, policy, value={"verdict": verdict}, model=result.model, cost=result.cost
            )
        return verdict

    def _request(self, claim: str, passages: Sequence[str], chosen: Chosen) -> ChatRequest:
        told = "\n".join(
            f'<passage n="{n}">\n{defused(text)}\n</passage>'
            for n, text in enumerate(passages, start=1)
        )
        values = {"passages": told, "claim": defused(claim)}
        return ChatRequest(
            chosen.template.render(values),
            FEATURE,
            self.about.principal,
            question=claim,
            temperature=0.0,
            max_tokens=MOST_TOKENS,
            timeouts=PATIENCE,
            stop=self.about.stop,
            prompt=chosen.used,
            conversation_id=self.about.conversation_id,
            collections=self.about.collections,
            json_schema=SCHEMA,
        )

    def _key(
        self, claim: str, passages: Sequence[str], chosen: Chosen, model: ResolvedModel
    ) -> Key:
        """The passages' very words are the state of the documents; only their digest is kept."""
        digest = hashlib.sha256(json.dumps([claim, *passages]).encode()).hexdigest()
        return Key(
            principal=self.about.principal.as_reader(),
            feature=FEATURE,
            question=digest,
            corpus=digest,
            collections=self.about.collections,
            prompt_version_id=chosen.used.version_id,
            model=model.identity,
            parameters=(("max_tokens", MOST_TOKENS), ("temperature", 0.0)),
        )
