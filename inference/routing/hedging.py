"""Two models race for the first token: the second starts when the first takes long, and the slower is cancelled.

Entry point: `race`. Each runs in a thread of its own up to its first token; both leave a row in the ledger, the loser
as `hedge_lost` with the tokens of its prompt, which its provider is likely to charge. Losing says nothing about a
model's health; but one that has lost several times running may hang, and is then given time to show that it answers
at all.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from django.db import connections

from inference.calls import ChatCall
from inference.errors import ProviderError
from inference.routing import circuits
from inference.stops import RunnersStop

Outcome: TypeAlias = tuple[ChatCall, BaseException | None]


def race(
    first: ChatCall,
    second: Callable[[], ChatCall | None],
    delay: float,
    *,
    failed: Callable[[ChatCall, ProviderError], None],
) -> ChatCall | None:
    """The call that has its first token first; None when all failed. Raises Cancelled when the asker left."""
    runners = _Race()
    runners.start(first)
    begun: ChatCall | None = None
    patience: float | None = delay
    try:
        while begun is None and runners.running:
            outcome = runners.outcome(patience)
            if outcome is not None:
                begun = _begun(outcome, failed)
            if begun is None and patience is not None:
                patience = None
                if (other := second()) is not None:
                    runners.start(other)
    finally:
        runners.end(begun)
    return begun


def _begun(outcome: Outcome, failed: Callable[[ChatCall, ProviderError], None]) -> ChatCall | None:
    call, error = outcome
    if error is None:
        return call
    if not isinstance(error, ProviderError):
        raise error
    failed(call, error)
    return None


@dataclass
class _Race:
    """Who runs, and what they brought."""

    running: int = 0
    _outcomes: queue.SimpleQueue[Outcome] = field(default_factory=queue.SimpleQueue)
    _buttons: list[tuple[ChatCall, RunnersStop]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: bool = False
    _arrived: list[ChatCall] = field(default_factory=list)

    def start(self, call: ChatCall) -> None:
        button = RunnersStop(call.request.stop)
        call.request = replace(call.request, stop=button)
        self._buttons.append((call, button))
        self.running += 1
        run = copy_context().run
        threading.Thread(target=run, args=(self._run, call), name="hedge", daemon=True).start()

    def outcome(self, patience: float | None) -> Outcome | None:
        """What the next runner brought, or None when nobody came in within `patience` seconds."""
        try:
            found = self._outcomes.get(timeout=patience)
        except queue.Empty:
            return None
        self.running -= 1
        return found

    def end(self, winner: ChatCall | None) -> None:
        with self._lock:
            self._over = True
            for call, button in self._buttons:
                if call is not winner:
                    self._outrun(call, button, is_lost=winner is not None)
        # Whoever came in at the same moment is told here; who is still running notices by the button.
        while not self._outcomes.empty():
            call, error = self._outcomes.get()
            if error is None:
                call.abandon()

    def _outrun(self, call: ChatCall, button: RunnersStop, *, is_lost: bool) -> None:
        breakers = call.clients.breakers
        still_runs = not any(one is call for one in self._arrived)
        if is_lost and still_runs and breakers.is_doubtful(call.model):
            button.set_unless_it_answers(breakers.policy.doubt)
        else:
            button.set()

    def _run(self, call: ChatCall) -> None:
        try:
            call.begin()
            self._bring((call, None))
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the thread that waits
            self._bring((call, error))
        finally:
            # The ledger's row was written on this thread's own connection.
            connections.close_all()

    def _bring(self, outcome: Outcome) -> None:
        call, error = outcome
        with self._lock:
            if not self._over:
                self._arrived.append(call)
                self._outcomes.put(outcome)
                return
        if error is None:
            # Slow, and not down.
            circuits.ended(call.request.principal, call.model, call.clients.breakers, None)
            call.abandon()
