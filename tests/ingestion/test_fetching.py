"""Fetching from servers that are slow, huge, redirecting or lying."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import ssl
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingestion.fetching import BadStatus, FetchFailed, FetchRefused, Limits, Session, fetch
from tests.fakes.web_site import Handler, Page, WebSite, leads_to

MEGABYTE = 1024 * 1024


def test_a_page_comes_with_what_tells_whether_it_changed(web_site: WebSite) -> None:
    web_site.pages["/a.html"] = Page(b"<p>Hello", headers={"Last-Modified": "yesterday"})
    with fetch(f"{web_site.address}/a.html") as found:
        assert (found.status, found.content(), found.size) == (200, b"<p>Hello", 8)
        assert (found.media_type, found.charset, found.filename) == ("text/html", "utf-8", "a.html")
        tag = found.etag
        assert tag
        assert found.last_modified == "yesterday"
    with fetch(f"{web_site.address}/a.html", headers={"If-None-Match": tag}) as again:
        assert again.is_unchanged
        assert again.size == 0


def test_connections_are_kept_and_name_the_host(web_site: WebSite) -> None:
    ports: list[int] = []

    def note(handler: Handler) -> None:
        ports.append(handler.client_address[1])
        handler.answer(Page(b"x"))

    web_site.fallback = note
    with Session() as session:
        for number in range(5):
            session.fetch(f"{web_site.address}/{number}").close()
    assert len(set(ports)) == 1
    assert web_site.hits[0].headers["host"] == f"127.0.0.1:{web_site.port}"


def test_redirects_are_followed_up_to_the_limit(web_site: WebSite) -> None:
    for number in range(9):
        web_site.pages[f"/{number}"] = leads_to(f"/{number + 1}")
    web_site.pages["/5"] = Page(b"the end")
    with fetch(f"{web_site.address}/0") as found:
        assert (found.content(), found.url) == (b"the end", f"{web_site.address}/5")
    web_site.pages["/5"] = leads_to("/6")
    with pytest.raises(FetchRefused, match="leads on more than 5 times"):
        fetch(f"{web_site.address}/0")


def test_credentials_stay_with_the_server_they_are_for(web_site: WebSite) -> None:
    with WebSite("127.0.0.3") as other:
        other.fallback = web_site.pages["/here"] = Page(b"x")
        web_site.pages["/out"] = leads_to(f"{other.address}/")
        web_site.pages["/in"] = leads_to("/here")
        secrets = {"Authorization": "Basic c2VjcmV0", "X-Key": "secret", "Accept": "text/html"}
        fetch(f"{web_site.address}/out", headers=secrets).close()
        fetch(f"{web_site.address}/in", headers=secrets).close()
    assert web_site.hits[-1].headers["authorization"] == "Basic c2VjcmV0"
    assert other.hits[0].headers["accept"] == "text/html"
    assert "secret" not in str(other.hits[0].headers).lower().replace("c2vjcmv0", "secret")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_answer_is_read(coding: str, web_site: WebSite) -> None:
    text = b"The notice period is three months. " * 100
    packed = gzip.compress(text) if coding == "gzip" else zlib.compress(text)
    web_site.pages["/"] = Page(packed, headers={"Content-Encoding": coding})
    with fetch(f"{web_site.address}/") as found:
        assert found.content() == text


def test_a_bomb_is_stopped_at_the_limit(web_site: WebSite) -> None:
    bomb = gzip.compress(b"\0" * 50 * MEGABYTE)
    web_site.pages["/"] = Page(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(FetchRefused) as refusal:
        fetch(f"{web_site.address}/", limits=Limits(most_bytes=MEGABYTE))
    assert refusal.value.code == "too_large"


def test_what_is_too_large_is_refused_whether_or_not_it_says_so(web_site: WebSite) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:
            handler.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    web_site.pages["/endless"] = endless
    web_site.pages["/said"] = Page(b"x" * 2 * MEGABYTE)
    for path in ("/endless", "/said"):
        with pytest.raises(FetchRefused) as refusal:
            fetch(f"{web_site.address}{path}", limits=Limits(most_bytes=MEGABYTE))
        assert refusal.value.code == "too_large"


@pytest.mark.parametrize("phase", ["headers", "body", "silence"])
def test_a_server_that_drips_is_left(phase: str, web_site: WebSite) -> None:
    def drip(handler: Handler) -> None:
        if phase == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
        for _ in range(100):
            if phase != "silence":
                handler.wfile.write(
                    b"x" if phase == "body" else b"HTTP/1.1 200 OK\r\nX-A: b\r\n"[:1]
                )
                handler.wfile.flush()
            time.sleep(0.05)

    web_site.fallback = drip
    began = time.monotonic()
    with pytest.raises(FetchFailed) as failure:
        fetch(f"{web_site.address}/", limits=Limits(seconds=0.4))
    assert failure.value.code in ("timed_out", "broken_off")
    assert time.monotonic() - began < 3


def test_an_answer_that_breaks_off_is_no_document(web_site: WebSite) -> None:
    def half(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    web_site.fallback = half
    with pytest.raises(FetchFailed) as failure:
        fetch(f"{web_site.address}/")
    assert failure.value.code == "broken_off"


@pytest.mark.parametrize(
    ("status", "retryable"), [(404, False), (403, False), (429, True), (503, True)]
)
def test_a_bad_status_says_what_to_do(status: int, retryable: bool, web_site: WebSite) -> None:
    web_site.fallback = Page(b"no", status=status, headers={"Retry-After": "7"})
    with fetch(f"{web_site.address}/") as found, pytest.raises(BadStatus) as refusal:
        found.expect_document()
    assert (refusal.value.retryable, refusal.value.retry_after) == (retryable, 7.0)
    assert refusal.value.remedy


def test_nobody_there_and_no_such_name_are_told_apart(web_site: WebSite) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("unknown")

    with pytest.raises(FetchFailed) as refused:
        fetch("http://127.0.0.1:1/")
    with Session(resolver=unknown) as session, pytest.raises(FetchFailed) as nameless:
        session.fetch("http://nowhere.example/")
    assert (refused.value.code, nameless.value.code) == ("unreachable", "name_unresolved")


def test_a_resolver_that_hangs_is_left() -> None:
    def hangs(host: str, port: int) -> list[str]:
        time.sleep(2)
        return ["127.0.0.1"]

    with Session(resolver=hangs) as session, pytest.raises(FetchFailed) as failure:
        session.fetch("http://slow.example/", limits=Limits(connect_seconds=0.2))
    assert failure.value.code == "timed_out"


def test_a_header_cannot_carry_a_second_request(web_site: WebSite) -> None:
    with pytest.raises(FetchRefused) as refusal:
        fetch(f"{web_site.address}/", headers={"Authorization": "a\r\nX-Injected: yes"})
    assert refusal.value.code == "bad_header"
    assert web_site.hits == []


class Certificates:
    """An authority of the test's own, and a server's certificate for ``named.example``."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "named.example")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("named.example")]), False)
            .sign(key, hashes.SHA256())
        )
        self.file = folder / "certificate.pem"
        self.key = folder / "key.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def secure_site(certificates: Certificates) -> Iterator[WebSite]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.file, certificates.key)
    with WebSite(tls=tls) as site:
        site.fallback = Page(b"secret page")
        yield site


def test_tls_is_verified_against_the_name_though_the_address_was_pinned(
    secure_site: WebSite, certificates: Certificates
) -> None:
    def here(host: str, port: int) -> list[str]:
        return [str(ipaddress.IPv4Address("127.0.0.1"))]

    trusting = ssl.create_default_context(cafile=str(certificates.file))
    with Session(resolver=here, tls=trusting) as session:
        with session.fetch(f"https://named.example:{secure_site.port}/") as found:
            assert found.content() == b"secret page"
        with pytest.raises(FetchRefused) as wrong_name:
            session.fetch(f"https://other.example:{secure_site.port}/")
    with Session(resolver=here) as session, pytest.raises(FetchRefused) as unknown_authority:
        session.fetch(f"https://named.example:{secure_site.port}/")
    assert (wrong_name.value.code, unknown_authority.value.code) == ("certificate", "certificate")
    assert secure_site.hits[0].headers["host"] == f"named.example:{secure_site.port}"
