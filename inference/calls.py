"""One call of one model, from its first attempt to its ledger row. Used by the gateway alone."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import TypeAlias

from inference import ledger
from inference.clients import Clients
from inference.clock import Clock
from inference.errors import Cancelled, ContextTooLong, InferenceError
from inference.prices import cost_of
from inference.providers.provider import ProviderEvent, ResolvedModel, Stopped
from inference.retries import Attempts, with_retries
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
    attempts: Attempts = field(default_factory=Attempts)
    first_token_ms: float | None = None
    span: recorder.OpenSpan = field(init=False)
    trace_id: str = field(init=False)
    _parts: list[str] = field(default_factory=list)
    _usage: Usage | None = None
    _began: float = field(default_factory=time.monotonic)
    _settled: bool = False

    def __post_init__(self) -> None:
        self.trace_id, _ = recorder.current_ids()
        self.span = recorder.detached_span(
            f"chat {self.model.name}",
            kind="model",
            gen_ai__operation__name="chat",
            gen_ai__provider__name=self.model.provider,
            gen_ai__request__model=self.model.name,
            gen_ai__input__messages=[vars(one) for one in self.request.messages],
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
            with closing(self._upstream()) as upstream:
                stopped = yield from self._texts(upstream)
            result = self._result(stopped)
            self._settle(None, result.usage, result.cost, stopped.finish_reason)
            yield result.usage
            yield Finished(stopped.finish_reason, result)
        except BaseException as error:
            self._settle_failure(error)
            raise

    def _upstream(self) -> Upstream:
        self._check_length()
        ends_at = time.monotonic() + self.request.timeouts.total
        rest, first = with_retries(
            self._start,
            clock=lambda: Clock(self.request.timeouts, self.request.stop, ends_at=ends_at),
            policy=self.clients.policy,
            counted=self.attempts,
        )
        return _prepended(first, rest)

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
                    self._took(event)
                    yield event
                case Usage():
                    self._usage = event
                case Stopped():
                    stopped = event
        return stopped

    def _took(self, delta: TextDelta) -> None:
        if self.first_token_ms is None:
            self.first_token_ms = self._elapsed_ms()
        self._parts.append(delta.text)

    def _result(self, stopped: Stopped) -> ChatResult:
        usage = self._usage or self._estimated_usage()
        return ChatResult(
            text="".join(self._parts),
            model=self.model.name,
            provider=self.model.provider,
            usage=usage,
            cost=self._cost(usage),
            latency_ms=self._elapsed_ms(),
            first_token_ms=self.first_token_ms,
            finish_reason=stopped.finish_reason,
            degraded=self.degraded,
            answered=stopped.answered,
            attempts=self.attempts.count,
        )

    def _settle_failure(self, error: BaseException) -> None:
        """What was delivered before the break is paid for, so it is counted;

        nothing delivered, nothing counted.
        """
        usage = self._usage or (self._estimated_usage() if self.delivered else Usage())
        self._settle(as_inference_error(error), usage, self._cost(usage), "")

    def _settle(
        self, error: InferenceError | None, usage: Usage, cost: Decimal, finish_reason: str
    ) -> None:
        if self._settled:
            return
        self._settled = True
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
            )
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
        if self.degraded:
            self.span.set(footnote__degraded=self.degraded)
        self.span.end(ledger.outcome_of(error))

    def _estimated_usage(self) -> Usage:
        prompt = count_messages(self.request.messages)
        return Usage(prompt, count_text("".join(self._parts)), estimated=True)

    def _cost(self, usage: Usage) -> Decimal:
        model = self.model
        return cost_of(
            usage, model=model.name, base_url=model.endpoint.base_url, prices=model.prices
        )

    def _elapsed_ms(self) -> float:
        return (time.monotonic() - self._began) * 1000


def _prepended(first: ProviderEvent, rest: Upstream) -> Upstream:
    """`first`, then `rest`, closing `rest` when closed."""
    with closing(rest):
        yield from chain([first], rest)


def as_inference_error(error: BaseException) -> InferenceError:
    """The error as the ledger knows it:

    a closed generator is a stopped call, a bug of ours an internal error.
    """
    if isinstance(error, InferenceError):
        return error
    if isinstance(error, GeneratorExit):
        return Cancelled("the asker went away")
    return InferenceError(f"internal error: {type(error).__name__}")
