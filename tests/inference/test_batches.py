"""Calls that share a statement do not share one call's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from inference.passthrough.batches import Batches
from inference.passthrough.events import usage_of


def test_a_bad_item_fails_alone() -> None:
    async def run(items: Sequence[int]) -> Sequence[int]:
        if 0 in items:
            raise ZeroDivisionError
        return [one * 2 for one in items]

    async def all_of_them() -> list[int | BaseException]:
        batches = Batches(run, alone=(ZeroDivisionError,))
        return await asyncio.gather(*map(batches.done, [1, 0, 2]), return_exceptions=True)

    first, bad, last = asyncio.run(all_of_them())
    assert (first, last) == (2, 4)
    assert isinstance(bad, ZeroDivisionError)


@pytest.mark.parametrize("told", [2**31 - 1, 2**70])
def test_the_sum_of_a_provider_s_counts_fits_the_database(told: int) -> None:
    used = usage_of({"prompt_tokens": told, "completion_tokens": told})
    assert 0 < used.prompt_tokens + used.completion_tokens < 2**31
