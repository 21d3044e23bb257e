"""Work that is done together: whatever arrives while one batch is under way makes up the next one.

With one caller at a time nothing waits; with many, one round trip and one commit serve all who came meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Batches(Generic[T, R]):
    """``await batches.done(item)`` is the item's result. ``run`` gets the items of a batch and returns as many.

    ``alone``: errors that one item makes for all of its batch, which has then done nothing: each runs by itself again.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int = 64,
        alone: tuple[type[Exception], ...] = (),
    ) -> None:
        self._run = run
        self._most = most
        self._alone = alone
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def done(self, item: T) -> R:
        """The result; raises what ``run`` raised for its batch."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, result))
        if self._worker is None:
            self._worker = loop.create_task(self._drain())
        return await result

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            await self._deliver(batch)
        self._worker = None

    async def _deliver(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._run([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait for the batch
            if len(batch) > 1 and isinstance(error, self._alone):
                for one in batch:
                    await self._deliver([one])
                return
            for _, result in batch:
                if not result.done():
                    result.set_exception(error)
        else:
            for (_, result), found in zip(batch, results, strict=True):
                if not result.done():
                    result.set_result(found)
