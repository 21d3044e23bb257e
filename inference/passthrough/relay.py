"""One client's request on its way to a model that answers it: a model by its name, or those of a route in turn.

Entry point: `Relay.begun`. As everywhere (`inference.routing.failover`) another model takes over before the first token
only, each model asked has its own ledger row, and circuit breakers are those of the process. A name that no model has
may be a route's: its plan is asked, without hedging, and without the built-in model, which needs passages to quote.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from django.db import close_old_connections

from inference import catalogue, leases, snapshots
from inference.errors import BudgetExhausted, InferenceError, ProviderError, UnknownModel
from inference.models import Budget
from inference.passthrough.accounts import Admitted, Wanted
from inference.passthrough.asked import Asked
from inference.passthrough.calls import PassedOn, Request
from inference.passthrough.lanes import Lane
from inference.retries import RetryPolicy
from inference.routing.operations import EMBED, RERANK
from inference.routing.plans import BY_NAME, EVERY_FEATURE, PASSED_OVER, Choice, Plan, plan_of
from inference.types import Timeouts
from tenants.scope import Principal

P = ParamSpec("P")
R = TypeVar("R")
# Routes that no chat model answers for, and the one that stands for others.
NOT_BY_NAME = (EMBED, RERANK, EVERY_FEATURE)


class NoCandidate(InferenceError):
    """The route has nobody for this request; `member_message` says why not, model by model."""

    code = "no_candidate"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.member_message = f"Nobody can answer this request: {why}."


@dataclass
class Relay:
    """`call` is the one under way, or that was asked last: whoever awaits `begun` settles it."""

    lane: Lane
    asked: Asked
    wanted: Wanted
    timeouts: Timeouts = field(default_factory=Timeouts)
    admitted: Admitted | None = None
    call: PassedOn | None = None
    _plan: Plan | None = None
    _waiting: deque[Choice] = field(default_factory=deque)
    _failures: list[str] = field(default_factory=list)
    _error: ProviderError | None = None
    _began: float = field(default_factory=time.monotonic)
    _task: asyncio.Task[object] | None = field(default_factory=asyncio.current_task)
    _is_admitting: bool = False
    _has_left: bool = False

    async def begun(self) -> PassedOn:
        """The call whose model has begun to answer. Raises what `Accounts.admit` and `PassedOn.opened` raise."""
        nobody: NoCandidate | None = None
        try:
            is_routed = await self._is_routed()
        except NoCandidate as error:
            # The key may be revoked since it was seen: admission says, before anything of the tenant's is told.
            is_routed, nobody = False, error
        if not is_routed:
            try:
                return await self._opened(await self._admit(self.wanted, BY_NAME))
            except UnknownModel:
                if nobody is not None:
                    raise nobody from None
                if not await self._is_routed():
                    raise
        return await self._asked_in_turn()

    def leave(self) -> None:
        """The client has gone: end what is under way, but not between taking money and knowing of it."""
        self._has_left = True
        if self._task is not None and not self._is_admitting:
            self._task.cancel()

    async def _is_routed(self) -> bool:
        """Whether the name is a route's; then its plan is made. A model of that name goes before it."""
        asker = self.lane.accounts.asker(self.wanted)
        if asker is None or self.lane.accounts.known(self.wanted):
            return False
        self._plan = await _in_thread(_plan_of, asker, self.asked)
        self._waiting.extend(self._plan.choices if self._plan else ())
        return self._plan is not None

    async def _asked_in_turn(self) -> PassedOn:
        while (choice := self._next()) is not None:
            # One request of the client's, however many models are asked.
            rate = self.wanted.rate if self.call is None else None
            wanted = replace(self.wanted, model=choice.model.full_name, rate=rate)
            call = await self._admit(wanted, choice.reason)
            try:
                return await self._opened(call)
            except ProviderError as error:
                self._error = error
                self._failures.append(f"{choice.model.name}: {error.code}")
                await asyncio.shield(call.settle(error))
        assert self._error is not None, "a plan has at least one choice"
        raise self._error

    def _next(self) -> Choice | None:
        """The next model that may be asked. All of them passed over: the first is asked all the same."""
        assert self._plan is not None
        while self._waiting:
            choice = self._waiting.popleft()
            if self.lane.clients.breakers.admits(choice.model):
                return choice
            self._failures.append(f"{choice.model.name}: {PASSED_OVER}")
        return None if self._error else self._plan.choices[0]

    async def _opened(self, call: PassedOn) -> PassedOn:
        await call.opened()
        return call

    async def _admit(self, wanted: Wanted, reason: str) -> PassedOn:
        """The call, with what it may cost taken. Raises LimitReached and the like."""
        try:
            self.admitted = await self._taken(wanted)
        except BudgetExhausted as error:
            smaller, reason = await self._instead(wanted, error)
            self.admitted = await self._taken(smaller)
        try:
            self.call = self._call(self.admitted, wanted, reason)
        except BaseException:  # also of a bug
            # There is no call to settle: what it holds is given back when its lease runs out.
            if held := self.admitted.admission.reservation_id:
                leases.keeper().let_go(held)
            raise
        if self._has_left:
            raise asyncio.CancelledError
        return self.call

    def _call(self, held: Admitted, wanted: Wanted, reason: str) -> PassedOn:
        granted = held.admission.granted
        cap = None if granted is None else held.bound.affordable(granted)
        return PassedOn(
            Request(
                held=held,
                asked=self.asked,
                feature=wanted.feature,
                body=self.asked.passed(held.model, cap),
                route=self._plan.route if self._plan else "",
                reason=reason,
                degraded="; ".join(self._failures),
                timeouts=self._timeouts(),
                policy=self._policy(),
            ),
            self.lane,
        )

    async def _taken(self, wanted: Wanted) -> Admitted:
        self._is_admitting = True
        try:
            return await self.lane.accounts.admit(wanted, self.asked.bound)
        finally:
            self._is_admitting = False

    async def _instead(self, wanted: Wanted, error: BudgetExhausted) -> tuple[Wanted, str]:
        """Whom the budget's owner wants asked instead, and why. Raises the error again where that is nobody."""
        asker, model = self.lane.accounts.asker(wanted), self.lane.accounts.known(wanted)
        if error.at_limit != Budget.AtLimit.SMALLER or asker is None or model is None:
            raise error
        smaller = await _in_thread(catalogue.smaller, asker, model)
        if smaller is None:
            raise error
        self._failures.append(f"{model.name}: budget {error.budget!r} is used up")
        self._waiting.clear()
        told = replace(wanted, model=smaller.full_name, rate=None)
        return told, f"budget {error.budget}: a smaller model"

    def _timeouts(self) -> Timeouts:
        """All models together have the request's time; those with a successor only the route's patience."""
        usual = self.timeouts
        left = max(0.0, self._began + usual.total - time.monotonic())
        patience = self._plan.first_token if self._plan and self._waiting else None
        first = min(patience or usual.first_token, usual.first_token)
        return replace(usual, total=left, first_token=first)

    def _policy(self) -> RetryPolicy:
        usual = self.lane.clients.policy
        return replace(usual, attempts=1) if self._waiting else usual


def routes_by_name(principal: Principal) -> list[str]:
    """The routes that a completion may ask for. Queries only when the snapshot is stale."""
    return sorted(name for name in snapshots.of(principal).routes if name not in NOT_BY_NAME)


def _plan_of(asker: Principal, asked: Asked) -> Plan | None:
    """Who answers for the route that is asked by name; None when there is no such route. Raises NoCandidate."""
    snapshot = snapshots.of(asker)
    name = asked.name
    if name in NOT_BY_NAME or name not in snapshot.routes or catalogue.find(snapshot, name):
        return None
    try:
        plan = plan_of(asked.for_route(asker, name))
    except UnknownModel as error:
        raise NoCandidate(str(error)) from error
    choices = tuple(one for one in plan.choices if one.model.kind == catalogue.ENDPOINT)
    if not choices:
        why = "; ".join(map(str, plan.skipped)) or "its models quote documents, and there are none"
        raise NoCandidate(f"route {name!r}: {why}")
    return replace(plan, choices=choices)


async def _in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """For what reads the database through Django, which blocks."""

    def run() -> R:
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.to_thread(run)
