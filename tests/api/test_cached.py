"""Answers that were kept say so, in each API's own way, and a client can ask for a new one."""

import httpx
import pytest

from tests.library import Library

QUESTION = "How many days of paid leave do employees get?"
PATHS = {
    "/api/v1/ask": {"question": QUESTION},
    "/v1/chat/completions": {
        "model": "footnote",
        "messages": [{"role": "user", "content": QUESTION}],
    },
}


def cached(answer: httpx.Response) -> bool:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    if "usage" in body:
        assert body["usage"]["cached"] == body["footnote"]["cached"]
        return bool(body["footnote"]["cached"])
    return bool(body["cached"])


@pytest.mark.parametrize("path", PATHS)
def test_the_second_answer_is_kept_from_the_first(
    path: str, acme_client: httpx.Client, acme_library: Library
) -> None:
    first, again = (acme_client.post(path, json=PATHS[path]) for _ in range(2))
    assert (cached(first), cached(again)) == (False, True)
    fresh = acme_client.post(path, json=PATHS[path], headers={"Cache-Control": "no-cache"})
    assert not cached(fresh)


def test_a_stream_gives_a_kept_answer_too(acme_client: httpx.Client, acme_library: Library) -> None:
    path = "/api/v1/ask"
    acme_client.post(path, json=PATHS[path])
    told = acme_client.post(path, json=PATHS[path] | {"stream": True}).text
    kinds = [line.removeprefix("event: ") for line in told.splitlines() if line.startswith("event")]
    assert kinds == ["searching", "found", "text", "completed"]
    assert '"cached": true' in told
    assert not cached(acme_client.post(path, json=PATHS[path] | {"fresh": True}))
