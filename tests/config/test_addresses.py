"""The longest search that fits into its box is an address that the server takes apart: real requests to a real one."""

import http.client
import socket
from html import unescape
from urllib.parse import quote, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from config.addresses import LONGEST, LONGEST_PARSED
from tests.cast import PASSWORD, Member
from tests.library import Library

NOTHING: dict[str, str] = {}


def get(site: str, address: str, headers: dict[str, str] = NOTHING) -> tuple[int, str, str]:
    """Status, text, and where it leads. httpx takes no address of this length, browsers do."""
    wire = http.client.HTTPConnection(urlsplit(site).netloc, timeout=60)
    wire.request("GET", address, headers=headers)
    response = wire.getresponse()
    found = response.status, response.read().decode(), response.headers.get("Location", "")
    wire.close()
    return found


@pytest.mark.parametrize("sign", ["休", "😀", "x"], ids=["Chinese", "emoji", "Latin"])
def test_the_longest_search_is_answered(
    site: str, bob: Member, acme_library: Library, sign: str
) -> None:
    client, name = Client(), settings.SESSION_COOKIE_NAME
    assert client.login(username=bob.email, password=PASSWORD)
    typed = "paid leave ".ljust(8000, sign)
    address = f"/search/?f=type%3Dmarkdown&q={quote(typed)}"
    status, html, _ = get(site, address, {"Cookie": f"{name}={client.cookies[name].value}"})
    assert status == 200
    assert f'name="q" value="{typed}"' in unescape(html)
    assert 'name="f" value="type=markdown"' in html


@pytest.mark.parametrize(("signs", "comes_back_to"), [(9, "q%3Dx"), (8000, "next=/search/")])
def test_whoever_must_sign_in_first_is_sent_there(
    site: str, database: None, signs: int, comes_back_to: str
) -> None:
    status, _, sign_in = get(site, f"/search/?q=x{quote('😀' * signs)}")
    assert status == 302
    assert comes_back_to in sign_in
    assert get(site, sign_in)[0] == 200


def test_the_next_request_has_a_query_of_its_own(site: str) -> None:
    """Both come in one write; a second one that is still waiting must not get the first one's."""
    parts = urlsplit(site)
    paths = [f"/healthz?{'a' * (LONGEST_PARSED + 1)}", "/healthz"]
    ends = ["", "Connection: close\r\n"]
    sent = "".join(
        f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{end}\r\n"
        for path, end in zip(paths, ends, strict=True)
    )
    with socket.create_connection((str(parts.hostname), parts.port or 80), timeout=20) as wire:
        wire.sendall(sent.encode())
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_an_address_that_is_no_search_is_still_refused(site: str) -> None:
    status, text, _ = get(site, f"/healthz?{'a' * LONGEST}")
    assert (status, text) == (400, "Invalid HTTP request received.")
