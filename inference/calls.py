"""One call of one model, from its first attempt to its ledger row. Used by the gateway and its routing alone."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain
from typing import TypeAlias

from inference import bounds, ledger
from inference.admission import Admission, Ask, admit
from inference.catalogue import BUILT_IN
from inference.clients import Clients
from inference.clock import Clock
from inference.errors import (
    Cancelled,
    ContextTooLong,
    HedgeLost,
    InferenceError,
    ProviderTimeout,
    as_inference_error,
)
from inference.guards import duty, policies
from inference.guards.duty import Outgoing
from inference.providers.provider import ProviderEvent, ResolvedModel, Stopped
from inference.retries import Attempts, RetryPolicy, with_retries
from inference.routing import circuits
from inference.stops import has_hung, was_outrun
from inference.tokens import count_messages, count_text
from inference.types import ChatEvent, ChatRequest, ChatResult, Finished, TextDelta, Usage
from traces import recorder

Upstream: TypeAlias = Generator[ProviderEvent, None, None]


@dataclass
class ChatCall:
    """A chat call in progress. Made while the asker's trace is open; iterated afterwards, in any thread."""

    request: ChatRequest
    model: ResolvedModel
    clients: Clients
    degraded: str | None = None
    route: str = ""
    reason: str = ""
    policy: RetryPolicy | None = None
    attempts: Attempts = field(default_factory=Attempts)
    admission: Admission | None = None
    first_token_ms: float | None = None
    span: recorder.OpenSpan = field(init=False)
    trace_id: str = field(init=False)
    guards: Outgoing = field(init=False)
    # What the model wrote, and what of it went out: the one is paid for, the other is the answer.
    _written: list[str] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _usage: Usage | None = None
    _began: float = field(default_factory=time.monotonic)
    _opened: Upstream | None = None
    _settled: bool = False

    def __post_init__(self) -> None:
        self.trace_id, _ = recorder.current_ids()
        self.guards = Outgoing(
            policies.of(self.request.principal),
            self.request.passages,
            lambda texts: self.clients.embedder().embed(texts),
            self.request.judge,
            list(self.request.raised),
        )
        self.span = recorder.detached_span(
            f"chat {self.model.name}",
            kind="model",
            gen_ai__operation__name="chat",
            gen_ai__provider__name=self.model.provider,
            gen_ai__request__model=self.model.name,
            gen_ai__input__messages=[vars(one) for one in self.request.messages],
            footnote__route=self.route,
            footnote__candidate_reason=self.reason,
        )
        if used := self.request.prompt:
            self.span.set(
                footnote__prompt=used.name,
                footnote__prompt__version=used.version,
                footnote__prompt__version_id=str(used.version_id),
                footnote__prompt__label=used.label,
            )

    @property
    def delivered(self) -> bool:
        """Whether any text has gone out: after that, nobody else may answer."""
        return bool(self._parts)

    def events(self) -> Generator[ChatEvent, None, None]:
        """The answer.

        However it ends, the ledger gets its row before the error goes up or Finished goes out.
        """
        try:
            with closing(self._opened or self._upstream()) as upstream:
                stopped = yield from self._texts(upstream)
            result = self._result(stopped)
            self._settle(None, result.usage, result.cost, stopped.finish_reason)
            yield result.usage
            yield Finished(stopped.finish_reason, result)
        except BaseException as error:
            self._settle_failure(error)
            raise

    def begin(self) -> None:
        """Up to the first token, in any thread; `events` goes on from there. Raises as `events` does."""
        try:
            self._opened = self._upstream()
        except BaseException as error:  # also of a bug: the ledger has a row for every call
            self._settle_failure(error)
            raise

    def abandon(self) -> None:
        """Give up what `begin` began: another model was faster."""
        if self._opened is not None:
            self._opened.close()
        self._settle_failure(HedgeLost("another model had its first token sooner"))

    def _upstream(self) -> Upstream:
        self._check_length()
        self._admit()
        ends_at = time.monotonic() + self.request.timeouts.total
        rest, first = with_retries(
            self._start,
            clock=lambda: Clock(self.request.timeouts, self.request.stop, ends_at=ends_at),
            policy=self.policy or self.clients.policy,
            counted=self.attempts,
        )
        return _prepended(first, rest)

    def _admit(self) -> None:
        """Take what the call may cost, and limit its answer to that. Raises LimitReached."""
        if self.model.kind == BUILT_IN:
            return
        asked = self.request
        bound = bounds.of_chat(self.model, asked.messages, asked.max_tokens)
        self.admission = admit(Ask(asked.principal, "chat", asked.feature, bound), asked.stop)
        if self.admission.granted is not None:
            most = bound.affordable(self.admission.granted)
            self.request = replace(asked, max_tokens=most)

    def _start(self, clock: Clock) -> tuple[Upstream, ProviderEvent]:
        """One attempt up to its first event: until then it may be repeated."""
        upstream = self.clients.provider(self.model).stream(self.request, self.model, clock)
        return upstream, next(upstream)

    def _check_length(self) -> None:
        """A prompt that cannot fit is refused here.

        No token is shorter than a byte, so most need no counting.
        """
        window = self.model.context_window
        if sum(len(one.content.encode()) for one in self.request.messages) <= window:
            return
        if (counted := count_messages(self.request.messages)) > window:
            raise ContextTooLong(
                f"the prompt has about {counted} tokens, {self.model.name} reads {window}"
            )

    def _texts(self, upstream: Upstream) -> Generator[TextDelta, None, Stopped]:
        """Yields the texts; returns how the answer stopped."""
        stopped = Stopped("")
        for event in upstream:
            match event:
                case TextDelta():
                    yield from self._shown(self._took(event))
                case Usage():
                    self._usage = event
                case Stopped():
                    stopped = event
        yield from self._shown(self.guards.close())
        return stopped

    def _took(self, delta: TextDelta) -> str:
        """What of the text may go out now."""
        if self.first_token_ms is None:
            self.first_token_ms = self._elapsed_ms()
        self._written.append(delta.text)
        return self.guards.feed(delta.text)

    def _shown(self, text: str) -> Generator[TextDelta, None, None]:
        if text:
            self._parts.append(text)
            yield TextDelta(text)

    def _result(self, stopped: Stopped) -> ChatResult:
        usage = self._usage or self._estimated_usage()
        return ChatResult(
            text="".join(self._parts),
            model=self.model.name,
            provider=self.model.provider,
            usage=usage,
            cost=self.model.cost(usage),
            latency_ms=self._elapsed_ms(),
            first_token_ms=self.first_token_ms,
            finish_reason=stopped.finish_reason,
            degraded=self.degraded,
            answered=stopped.answered,
            attempts=self.attempts.count,
            route=self.route,
            chosen_because=self.reason,
        )

    def _settle_failure(self, error: BaseException) -> None:
        """What was delivered before the break is paid for, so it is counted, and so is the prompt of the
        slower of two models; nothing delivered otherwise, nothing counted.
        """
        known = as_inference_error(error)
        if isinstance(known, Cancelled) and has_hung(self.request.stop):
            known = ProviderTimeout(
                "no first token, long after another model's", stage="first_token"
            )
        elif isinstance(known, Cancelled) and was_outrun(self.request.stop):
            known = HedgeLost("another model had its first token sooner")
        was_asked = self.attempts.count > 0
        is_charged = bool(self._written) or (was_asked and isinstance(known, HedgeLost))
        usage = self._usage or (self._estimated_usage() if is_charged else Usage())
        self._settle(known, usage, self.model.cost(usage), "")

    def _settle(
        self, error: InferenceError | None, usage: Usage, cost: Decimal, finish_reason: str
    ) -> None:
        if self._settled:
            return
        self._settled = True
        circuits.ended(self.request.principal, self.model, self.clients.breakers, error)
        self._end_span(error, usage, cost, finish_reason)
        ledger.record(
            ledger.Entry(
                principal=self.request.principal,
                operation="chat",
                feature=self.request.feature,
                provider=self.model.provider,
                model=self.model.name,
                trace_id=self.trace_id,
                span_id=self.span.span_id if self.trace_id else "",
                usage=usage,
                cost=cost,
                latency_ms=self._elapsed_ms(),
                attempts=self.attempts.count,
                first_token_ms=self.first_token_ms,
                finish_reason=finish_reason,
                degraded=self.degraded or "",
                error=error,
                route=self.route,
                candidate_reason=self.reason,
                conversation_id=self.request.conversation_id,
                collections=self.request.collections,
                prompt_version_id=self.request.prompt.version_id if self.request.prompt else None,
                admission=self.admission,
                guards=duty.as_json(self.guards.raised),
            )
        )
        duty.keep(
            self.guards.raised,
            principal=self.request.principal,
            feature=self.request.feature,
            trace_id=self.trace_id,
        )

    def _end_span(
        self, error: InferenceError | None, usage: Usage, cost: Decimal, finish_reason: str
    ) -> None:
        self.span.set(
            gen_ai__output__messages=[{"role": "assistant", "content": "".join(self._parts)}],
            gen_ai__usage__input_tokens=usage.prompt_tokens,
            gen_ai__usage__cached_input_tokens=usage.cached_tokens,
            gen_ai__usage__output_tokens=usage.completion_tokens,
            gen_ai__response__finish_reasons=[finish_reason] if finish_reason else [],
            footnote__cost_usd=str(cost),
            footnote__attempts=self.attempts.count,
        )
        if error is not None:
            self.span.set(error__type=error.code, error__message=str(error))
        if self.guards.raised:
            self.span.set(footnote__guards=[one.as_json() for one in self.guards.raised])
        if self.degraded:
            self.span.set(footnote__degraded=self.degraded)
        self.span.end(ledger.outcome_of(error))

    def _estimated_usage(self) -> Usage:
        prompt = count_messages(self.request.messages)
        return Usage(prompt, count_text("".join(self._written)), estimated=True)

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._began) * 1000


def _prepended(first: ProviderEvent, rest: Upstream) -> Upstream:
    """`first`, then `rest`, closing `rest` when closed."""
    with closing(rest):
        yield from chain([first], rest)
