"""The bridge hands items over as they come, and lets the generator know when nobody listens any more."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from orchestration import bridge


def collected(make: Callable[[threading.Event], Iterator[int]]) -> list[int | None]:
    async def run() -> list[int | None]:
        return [item async for item in bridge.stream(make)]

    return asyncio.run(run())


def test_items_come_in_order() -> None:
    assert collected(lambda stop: iter_closable(range(100))) == list(range(100))


def iter_closable(items: range) -> Iterator[int]:
    yield from items


def test_an_item_is_there_before_the_next_is_made() -> None:
    proceed = threading.Event()

    def slow(stop: threading.Event) -> Iterator[int]:
        yield 1
        assert proceed.wait(5)
        yield 2

    async def run() -> list[int | None]:
        items = bridge.stream(slow)
        first = await anext(items)
        proceed.set()
        return [first, *[item async for item in items]]

    assert asyncio.run(run()) == [1, 2]


def test_an_error_reaches_the_reader() -> None:
    def failing(stop: threading.Event) -> Iterator[int]:
        yield 1
        raise LookupError("told")

    with pytest.raises(LookupError, match="told"):
        collected(failing)


@pytest.mark.parametrize("waiting", ["for a slow reader", "for its source"])
def test_a_reader_that_leaves_closes_the_generator(waiting: str) -> None:
    closed, asked_to_stop = threading.Event(), threading.Event()

    def endless(stop: threading.Event) -> Iterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
                if waiting == "for its source" and stop.wait(10):
                    asked_to_stop.set()
        finally:
            closed.set()

    async def run() -> None:
        items = bridge.stream(endless)
        await anext(items)
        await asyncio.sleep(0.1)
        await items.aclose()  # type: ignore[attr-defined]

    began = time.monotonic()
    asyncio.run(run())
    assert closed.wait(2)
    assert time.monotonic() - began < 2
    assert asked_to_stop.is_set() == (waiting == "for its source")


def test_a_slow_reader_slows_the_generator() -> None:
    made = []

    def quick(stop: threading.Event) -> Iterator[int]:
        for number in range(200):
            made.append(number)
            yield number

    async def run() -> int:
        items = bridge.stream(quick)
        await anext(items)
        await asyncio.sleep(0.3)
        held = len(made)
        await items.aclose()  # type: ignore[attr-defined]
        return held

    assert asyncio.run(run()) <= bridge.WAITING_ITEMS + 3


def test_silence_is_told() -> None:
    def silent(stop: threading.Event) -> Iterator[int]:
        time.sleep(0.25)
        yield 1

    async def run() -> list[int | None]:
        return [item async for item in bridge.stream(silent, silence=0.1)]

    heard = asyncio.run(run())
    assert heard[0] is None
    assert heard[-1] == 1
