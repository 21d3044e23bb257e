"""A canary listens on this machine; whatever address a tenant types, the canary hears nothing."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import pytest

from ingestion.fetching import FetchError, FetchRefused, Limits, Session
from tenants.outbound import Policy
from tests.fakes.web_site import Page, WebSite, leads_to

EVERY_PORT = (range(1, 65536),)
CLOSED = Policy(ports=EVERY_PORT)
# Where this test's own "public" server is: what it redirects to is not open.
STEPPING_STONE = "127.0.0.2"
ONE_OPEN = Policy((ip_network(f"{STEPPING_STONE}/32"),), EVERY_PORT)
SHORT = Limits(seconds=3, connect_seconds=1)

LITERAL_TEXT = """
127.0.0.1 127.0.0.2 127.1 127.0.1 127.000.000.001 0127.0.0.1 0x7f.0.0.1 0x7f000001 0x7F.1 2130706433
017700000001 00000000000000000177.0.0.1 127.0.0.1. 0 0.0.0.0 0.1 localhost localhost. LOCALHOST sub.localhost
[::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [::ffff:0:127.0.0.1]
[64:ff9b::127.0.0.1] [64:ff9b:1::127.0.0.1] [2002:7f00:1::] [2002:7f00:0001::1]
[2001:0:4136:e378:8000:63bf:80ff:fffe] [2001:db8::5efe:7f00:1] [fe80::5efe:7f00:1] [fe80::1] [fe80::1%25lo]
[fe80::1%lo] [fc00::1] [fd00:ec2::254] [fec0::1] [ff02::1] [2001:db8::1] [2001::1] [100::1] [5f00::1]
[3fff::1] [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [::ffff:10.0.0.1] 10.0.0.1 172.16.0.1 172.31.255.254
192.168.0.1 169.254.169.254 169.254.0.1 100.64.0.1 100.100.100.200 192.0.0.192 198.18.0.1 203.0.113.9
192.0.2.1 224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16 ①②⑦.⓪.⓪.① １２７.０.０.１ 127。0。0。1 ⓛocalhost
127.0.0.1%00.example.com 127.0.0.1%2eexample.com
"""
# {port} is the canary's. Most of these are read in different ways by different parsers.
ADDRESS_TEXT = r"""http://example.com@127.0.0.1:{port}/
http://127.0.0.1:{port}@example.com/
http://user:pw@127.0.0.1:{port}/
http://example.com:80@127.0.0.1:{port}/
http://127.0.0.1:{port}\@example.com/
http://example.com\@127.0.0.1:{port}/
http:\\127.0.0.1:{port}/
http:/127.0.0.1:{port}/
http:127.0.0.1:{port}/
http:///127.0.0.1:{port}/
//127.0.0.1:{port}/
127.0.0.1:{port}
http://127.0.0.1:{port}:80/
http://127.0.0.1:0{port}/
http://[127.0.0.1]:{port}/
http://[::1]:{port}:80/
http://[::1:{port}/
http://::1:{port}/
http://127.0.0.1:{port}#@example.com/
http://127.0.0.1:{port}?@example.com/
http://127.0.0.1:{port}/@example.com
http://127.0.0.1 :{port}/
http://127.0.0.1:+{port}/
http://127.0.0.1:٨٠/
http://127.0.0.1:/
http://.127.0.0.1:{port}/
http://-127.0.0.1:{port}/
HTTP://127.0.0.1:{port}/
ftp://127.0.0.1:{port}/
gopher://127.0.0.1:{port}/_GET
dict://127.0.0.1:{port}/info
file:///etc/passwd
javascript:alert(1)
data:text/html,x
http://
"""
CONTROL_CHARACTERS = [
    "http://exa\tmple.com:{port}/",
    "http://127.0.0.1\n:{port}/",
    "http://\x00127.0.0.1:{port}/",
    " http://127.0.0.1:{port}/",
]
NAMED = {
    "loopback": ["127.0.0.1"],
    "mixed, the public one first": ["93.184.216.34", "127.0.0.1"],
    "mixed, the private one first": ["127.0.0.1", "93.184.216.34"],
    "loopback 6": ["::1"],
    "mapped": ["::ffff:127.0.0.1"],
    "nat64": ["64:ff9b::7f00:1"],
    "6to4": ["2002:7f00:1::1"],
    "metadata": ["169.254.169.254"],
    "unspecified": ["0.0.0.0"],
    "scoped": ["fe80::1%lo"],
    "not an address": ["0177.0.0.1"],
}
REDIRECTS = [
    "http://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://2130706433:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "\\\\127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/",
]
FORMS = [
    *(f"http://{host}:{{port}}/" for host in LITERAL_TEXT.split()),
    *ADDRESS_TEXT.splitlines(),
    *CONTROL_CHARACTERS,
]


@pytest.fixture(scope="module")
def listener() -> Iterator[WebSite]:
    with WebSite("0.0.0.0") as site:
        site.fallback = Page(b"caught")
        yield site


@pytest.fixture
def canary(listener: WebSite) -> WebSite:
    """Hears every request to any of this machine's own addresses."""
    listener.hits.clear()
    return listener


@pytest.fixture
def stepping_stone() -> Iterator[WebSite]:
    with WebSite(STEPPING_STONE) as site:
        yield site


def answers(*addresses: str) -> Callable[[str, int], list[str]]:
    """A resolver that says these for every name."""
    return lambda host, port: list(addresses)


def test_there_are_at_least_sixty_forms_and_each_is_another() -> None:
    assert len(set(FORMS)) == len(FORMS)
    assert len(FORMS) + len(NAMED) + len(REDIRECTS) >= 60


@pytest.mark.parametrize("form", FORMS)
def test_no_way_to_write_an_address_reaches_the_canary(form: str, canary: WebSite) -> None:
    inside = answers("127.0.0.1")
    with Session(policy=CLOSED, resolver=inside) as session, pytest.raises(FetchError) as refusal:
        session.fetch(form.replace("{port}", str(canary.port)), limits=SHORT)
    assert canary.hits == []
    assert refusal.value.message


@pytest.mark.parametrize("addresses", NAMED.values(), ids=NAMED)
def test_a_name_that_leads_inside_is_refused(addresses: list[str], canary: WebSite) -> None:
    with (
        Session(policy=CLOSED, resolver=answers(*addresses)) as session,
        pytest.raises(FetchRefused),
    ):
        session.fetch(f"http://innocent.example:{canary.port}/", limits=SHORT)
    assert canary.hits == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", REDIRECTS)
def test_a_redirect_inside_is_refused(
    location: str, status: int, canary: WebSite, stepping_stone: WebSite
) -> None:
    stepping_stone.pages["/"] = leads_to(location.replace("{port}", str(canary.port)), status)
    with Session(policy=ONE_OPEN) as session, pytest.raises(FetchError):
        session.fetch(f"{stepping_stone.address}/", limits=SHORT)
    assert canary.hits == []
    assert stepping_stone.paths() == ["/"]


def test_a_redirect_inside_behind_four_harmless_ones_is_refused(
    canary: WebSite, stepping_stone: WebSite
) -> None:
    for hop in range(4):
        stepping_stone.pages[f"/{hop}"] = leads_to(f"/{hop + 1}")
    stepping_stone.pages["/4"] = leads_to(f"http://127.0.0.1:{canary.port}/")
    with Session(policy=ONE_OPEN) as session, pytest.raises(FetchRefused) as refusal:
        session.fetch(f"{stepping_stone.address}/0", limits=SHORT)
    assert refusal.value.code == "address_not_allowed"
    assert (len(stepping_stone.hits), canary.hits) == (5, [])


def test_a_name_that_changes_its_address_gains_nothing(
    canary: WebSite, stepping_stone: WebSite
) -> None:
    """DNS rebinding: the first answer is allowed, every later one is the canary's address."""
    given = iter([[STEPPING_STONE]])
    stepping_stone.fallback = Page(b"harmless", headers={"Connection": "close"})

    def rebinding(host: str, port: int) -> list[str]:
        return next(given, ["127.0.0.1"])

    address = f"http://rebind.example:{stepping_stone.port}/"
    with Session(policy=ONE_OPEN, resolver=rebinding) as session:
        with session.fetch(address, limits=SHORT) as first:
            assert first.content() == b"harmless"
        with pytest.raises(FetchRefused):
            session.fetch(address, limits=SHORT)
    assert canary.hits == []


def test_other_ports_are_refused_before_anything_is_asked(canary: WebSite) -> None:
    def nobody_asks(host: str, port: int) -> list[str]:
        raise AssertionError("the name was looked up")

    with Session(policy=Policy(), resolver=nobody_asks) as session:
        for port in (22, 25, 6379, 5432, 8080, canary.port):
            with pytest.raises(FetchRefused) as refusal:
                session.fetch(f"http://example.com:{port}/", limits=SHORT)
            assert refusal.value.code == "port_not_allowed"


def test_proxies_of_the_environment_have_no_say(
    canary: WebSite, stepping_stone: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    stepping_stone.pages["/"] = Page(b"straight")
    with (
        Session(policy=ONE_OPEN) as session,
        session.fetch(f"{stepping_stone.address}/", limits=SHORT) as found,
    ):
        assert found.content() == b"straight"
    assert canary.hits == []


def test_a_cloud_s_metadata_stays_closed_even_when_its_network_is_opened() -> None:
    everything = Policy((ip_network("0.0.0.0/0"), ip_network("::/0")), EVERY_PORT)
    for host in ("169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"):
        with Session(policy=everything) as session, pytest.raises(FetchRefused):
            session.fetch(f"http://{host}/", limits=SHORT)


def test_the_canary_hears_what_the_operator_has_opened(canary: WebSite) -> None:
    """So that silence above means refusal, and not a deaf canary."""
    opened = Policy((ip_network("127.0.0.0/8"),), EVERY_PORT)
    names = answers("127.0.0.1")
    for host in ("127.0.0.1", "[::ffff:127.0.0.1]", "named.example"):
        with Session(policy=opened, resolver=names) as session:
            try:
                session.fetch(f"http://{host}:{canary.port}/", limits=SHORT).close()
            except FetchError:
                # Without IPv6 the mapped form cannot be dialled at all.
                assert not socket.has_ipv6 or "ffff" in host
    assert len(canary.hits) >= 2
