"""Asking the models of a plan one after the other, until one of them answers.

Entry point: `answered`. Another model takes over before the first token only: what a reader has seen stays the answer
of whoever began it. A model with another one behind it is asked once, so that an outage costs its readers no waiting;
the last one (the built-in model does not count) has the whole retry loop to itself. Models whose breaker is open are
passed over, unless there is nobody else at all.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from contextvars import Context, copy_context
from dataclasses import dataclass, field, replace

from inference import snapshots
from inference.calls import ChatCall
from inference.catalogue import EXTRACTIVE
from inference.clients import Clients
from inference.errors import BudgetExhausted, ProviderError
from inference.routing import circuits
from inference.routing.hedging import race
from inference.routing.plans import PASSED_OVER, Choice, Plan
from inference.routing.thrift import instead_of
from inference.types import ChatEvent, ChatRequest, Timeouts


def answered(
    request: ChatRequest, plan: Plan, clients: Clients
) -> Generator[ChatEvent, None, None]:
    """The events of the model that answered; its spans join the trace that is open now.

    Raises the last model's error when none answered.
    """
    circuits.heed(request.principal, snapshots.of(request.principal), clients.breakers)
    return _Failover(request, plan, clients).events()


@dataclass
class _Failover:
    """One request on its way through the plan. `failures` are `model: code`, for the answer to say so."""

    request: ChatRequest
    plan: Plan
    clients: Clients
    failures: list[str] = field(default_factory=list)
    error: ProviderError | BudgetExhausted | None = None
    context: Context = field(default_factory=copy_context)
    ends_at: float = field(init=False)
    waiting: deque[Choice] = field(init=False)

    def __post_init__(self) -> None:
        self.ends_at = time.monotonic() + self.request.timeouts.total
        self.waiting = deque(self.plan.choices)

    def events(self) -> Generator[ChatEvent, None, None]:
        while (call := self._next()) is not None:
            begun = self._hedged(call) if self.plan.hedge_after is not None else call
            if begun is None:
                continue
            try:
                yield from begun.events()
            except ProviderError as error:
                self._failed(begun, error)
            except BudgetExhausted as error:
                self._at_limit(begun, error)
            else:
                return
        assert self.error is not None, "a plan has at least one choice"
        raise self.error

    def _next(self) -> ChatCall | None:
        """The next model that may be asked. All of them passed over: the first is asked all the same."""
        while self.waiting:
            choice = self.waiting.popleft()
            if circuits.admits(self.request.principal, choice.model, self.clients.breakers):
                return self._call(choice)
            self.failures.append(f"{choice.model.name}: {PASSED_OVER}")
        return None if self.error else self._call(self.plan.choices[0])

    def _call(self, choice: Choice) -> ChatCall:
        request = replace(self.request, timeouts=self._timeouts())
        return self.context.run(
            ChatCall,
            request,
            choice.model,
            self.clients,
            degraded="; ".join(self.failures) or None,
            route=self.plan.route,
            reason=choice.reason,
            policy=replace(self.clients.policy, attempts=1) if self._has_successor() else None,
        )

    def _timeouts(self) -> Timeouts:
        """All models together have the request's time; those with a successor only the route's patience."""
        timeouts = self.request.timeouts
        if self.error is not None:
            timeouts = replace(timeouts, total=max(0.0, self.ends_at - time.monotonic()))
        if self.plan.first_token is not None and self._has_successor():
            patience = min(self.plan.first_token, timeouts.first_token)
            timeouts = replace(timeouts, first_token=patience)
        return timeouts

    def _has_successor(self) -> bool:
        return any(one.model is not EXTRACTIVE for one in self.waiting)

    def _hedged(self, call: ChatCall) -> ChatCall | None:
        """The faster of this model and the next one; None when both failed before their first token."""
        if not self._has_successor() or self.plan.hedge_after is None:
            return call
        return race(call, self._next, self.plan.hedge_after, failed=self._failed)

    def _failed(self, call: ChatCall, error: ProviderError) -> None:
        """Note who failed and how. Raises the error again where nobody may take over."""
        self.error = error
        self.failures.append(f"{call.model.name}: {error.code}")
        if call.delivered:
            raise error

    def _at_limit(self, call: ChatCall, error: BudgetExhausted) -> None:
        """Go on as the budget's owner chose. Raises the error again where that is to refuse."""
        instead = instead_of(call.request, call.model, error)
        if instead is None:
            raise error
        self.error = error
        self.failures.append(f"{call.model.name}: budget {error.budget!r} is used up")
        self.waiting = deque([instead])
