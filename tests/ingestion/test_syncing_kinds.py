"""Each kind of source against a server that speaks its protocol."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.exceptions import ValidationError
from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from ingestion import sources
from ingestion.models import SourceRun
from ingestion.syncing import shifts, work
from tests.fakes.s3_store import ACCESS, SECRET, S3Store
from tests.fakes.web_site import Page, WebSite, leads_to
from tests.ingestion.watch import Watch, counts
from tests.ingestion.workshop import Workshop, operator

Add = Callable[..., Watch]


def linked(*targets: str, words: str = "", head: str = "") -> Page:
    links = "".join(f'<a href="{target}">more</a>' for target in targets)
    return Page(
        f"<html><head>{head}</head><body><p>Text of {words or targets}.</p>{links}</body></html>".encode()
    )


# --- sitemap


def sitemap(*entries: tuple[str, str]) -> bytes:
    urls = "".join(f"<url><loc>{loc}</loc><lastmod>{when}</lastmod></url>" for loc, when in entries)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'.encode()


def test_a_sitemap_s_pages_are_taken_and_lastmod_saves_asking(
    web_site: WebSite, add_source: Add
) -> None:
    base = web_site.address
    for name in "abc":
        web_site.pages[f"/{name}"] = Page(f"<p>Page {name}.</p>".encode())
    index = f"<sitemapindex><sitemap><loc>{base}/1.xml.gz</loc></sitemap></sitemapindex>"
    web_site.pages["/sitemap.xml"] = Page(index.encode(), "application/xml")
    packed = gzip.compress(sitemap(*((f"{base}/{name}", "2026-01-01") for name in "abc")))
    web_site.pages["/1.xml.gz"] = Page(packed, "application/gzip")
    watch = add_source(
        "sitemap", url=f"{base}/sitemap.xml", exclude=["c"], options={"every_minutes": 60}
    )
    assert counts(watch.sync()) == {"listed": 2, "fetched": 2, "new": 2}
    before = len(web_site.hits)
    operator("UPDATE ingestion_source SET next_run_at = now() WHERE id = %s", watch.source.pk)
    work.reconcile()
    assert shifts.work_off() == 1
    assert web_site.paths()[before:] == ["/sitemap.xml", "/1.xml.gz"]


def test_a_part_of_a_sitemap_that_fails_deletes_nothing(web_site: WebSite, add_source: Add) -> None:
    base = web_site.address
    parts = "".join(f"<sitemap><loc>{base}/{n}.xml</loc></sitemap>" for n in (1, 2))
    web_site.pages["/sitemap.xml"] = Page(f"<sitemapindex>{parts}</sitemapindex>".encode())
    for n in (1, 2):
        web_site.pages[f"/{n}.xml"] = Page(sitemap((f"{base}/p{n}", "")))
        web_site.pages[f"/p{n}"] = Page(f"<p>Page {n}.</p>".encode())
    watch = add_source("sitemap", url=f"{base}/sitemap.xml")
    watch.sync()
    web_site.pages["/2.xml"] = Page(b"trouble", status=500)
    run = watch.sync()
    assert (run.deleted, run.failed, len(watch.states())) == (0, 1, 2)
    assert run.problems[-1]["key"] == f"{base}/2.xml"


@pytest.mark.parametrize(
    "body",
    [
        b"<html><p>no sitemap",
        b"<rss/>",
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
        b"",
    ],
)
def test_what_is_no_sitemap_is_called_that(body: bytes, web_site: WebSite, add_source: Add) -> None:
    web_site.pages["/sitemap.xml"] = Page(body)
    run = add_source("sitemap", url=f"{web_site.address}/sitemap.xml").sync()
    assert run.listed == 0
    assert run.state in (SourceRun.RunState.FAILED, SourceRun.RunState.DONE)


def test_a_sitemap_names_pages_of_its_own_site_only(web_site: WebSite, add_source: Add) -> None:
    with WebSite("127.0.0.3") as other:
        web_site.pages["/sitemap.xml"] = Page(
            sitemap((f"{other.address}/x", ""), ("http://10.0.0.1/", ""))
        )
        run = add_source("sitemap", url=f"{web_site.address}/sitemap.xml").sync()
        assert other.hits == []
    assert run.listed == 0


# --- crawl


def test_a_site_is_followed_within_its_limits(web_site: WebSite, add_source: Add) -> None:
    base = web_site.address
    web_site.pages |= {
        "/docs/": linked(
            "a.html",
            "/docs/b.html#part",
            "/other",
            "mailto:x@example.com",
            "logo.png",
            words="start",
        ),
        "/docs/a.html": linked("deep.html", "http://10.0.0.1/", "http://example.com/", words="a"),
        "/docs/b.html": linked("/docs/", "a.html", "secret.html", words="b"),
        "/docs/deep.html": linked("deeper.html", words="deep"),
        "/docs/deeper.html": linked(words="deeper"),
        "/docs/secret.html": linked(words="secret"),
        "/robots.txt": Page(b"User-agent: *\nDisallow: /docs/secret", "text/plain"),
    }
    watch = add_source("crawl", start=[f"{base}/docs/"], depth=2, pause=0)
    run = watch.sync()
    assert counts(run) == {"listed": 4, "fetched": 4, "new": 4, "skipped": 1}
    names = {key.removeprefix(f"{base}/docs/") for key in watch.states()}
    assert names == {"", "a.html", "b.html", "deep.html"}
    asked = web_site.paths()
    assert asked.count("/docs/a.html") == 1
    assert "/docs/secret.html" not in asked
    assert "/other" not in asked
    # Nothing changed: no page is sent, and all are still found, through the links that are remembered.
    assert counts(watch.sync()) == {"listed": 4, "unchanged": 4, "skipped": 1}


def test_a_page_that_is_no_longer_linked_goes_and_a_failing_one_takes_nothing_along(
    web_site: WebSite, add_source: Add
) -> None:
    pages = [f"/p{n}.html" for n in range(8)]
    web_site.pages |= {path: linked(words=path) for path in pages}
    web_site.pages["/"] = linked(*pages, words="start")
    watch = add_source("crawl", start=[f"{web_site.address}/"], pause=0)
    watch.sync()
    assert len(watch.states()) == 9
    web_site.pages["/"] = linked(*pages[1:], words="start again")
    good, web_site.pages["/p7.html"] = web_site.pages["/p7.html"], Page(b"", status=500)
    assert counts(watch.sync()).get("deleted") is None
    web_site.pages["/p7.html"] = good
    assert counts(watch.sync())["deleted"] == 1
    assert f"{web_site.address}/p0.html" not in watch.states()


def test_duplicates_are_taken_once(web_site: WebSite, add_source: Add) -> None:
    base = web_site.address
    canonical = f'<link rel="canonical" href="{base}/real.html">'
    web_site.pages |= {
        "/": linked("/copy.html", "/moved.html", "/twin1.html", "/twin2.html", words="start"),
        "/copy.html": linked(words="real", head=canonical),
        "/real.html": linked(words="real", head=canonical),
        "/moved.html": leads_to("/target.html"),
        "/target.html": linked(words="target"),
        "/twin1.html": linked(words="twins"),
        "/twin2.html": linked(words="twins"),
    }
    watch = add_source("crawl", start=[f"{base}/"], pause=0)
    run = watch.sync()
    assert {key.removeprefix(base) for key in watch.states()} == {
        "/",
        "/real.html",
        "/target.html",
        "/twin1.html",
    }
    assert {problem["code"] for problem in run.problems} == {"not_canonical", "moved", "duplicate"}
    assert run.state == SourceRun.RunState.DONE


def test_nofollow_is_obeyed(web_site: WebSite, add_source: Add) -> None:
    web_site.pages |= {
        "/": Page(
            b'<p>Start</p><a rel="nofollow" href="/no1.html">x</a><a href="/meta.html">y</a>'
        ),
        "/meta.html": linked(
            "/no2.html", words="meta", head='<meta name="robots" content="noindex, nofollow">'
        ),
    }
    watch = add_source("crawl", start=[f"{web_site.address}/"], pause=0)
    assert watch.sync().listed == 2


def test_a_site_whose_robots_txt_is_in_trouble_is_not_read(
    web_site: WebSite, add_source: Add
) -> None:
    web_site.pages |= {"/": linked(words="start"), "/robots.txt": Page(b"", status=503)}
    run = add_source("crawl", start=[f"{web_site.address}/"], pause=0).sync()
    assert (run.state, run.reason_code) == (SourceRun.RunState.WAITING, "no_robots")
    assert "/" not in web_site.paths()


def test_a_limit_of_pages_holds_and_deletes_nothing(web_site: WebSite, add_source: Add) -> None:
    web_site.pages["/"] = linked(*(f"/p{n}.html" for n in range(20)), words="start")
    web_site.pages |= {f"/p{n}.html": linked(words=str(n)) for n in range(20)}
    watch = add_source("crawl", start=[f"{web_site.address}/"], pause=0, most_pages=5)
    run = watch.sync()
    assert (run.listed, run.failed) == (5, 0)
    assert [(one["code"], "“Most pages”" in one["remedy"]) for one in run.problems] == [
        ("limit", True)
    ]


def test_pages_that_robots_txt_closes_are_named_and_not_asked_for(
    web_site: WebSite, add_source: Add
) -> None:
    rules = Page(b"User-agent: *\nDisallow: /closed\n", "text/plain")
    web_site.pages |= {
        "/robots.txt": rules,
        "/": linked("/open.html", "/closed/1.html", "/closed/2.html", words="start"),
        "/open.html": linked(words="open"),
    }
    run = add_source("crawl", start=[f"{web_site.address}/"], pause=0).sync()
    assert (run.new, run.skipped, run.failed) == (2, 2, 0)
    (said,) = run.problems
    assert (said["code"], said["key"]) == ("robots", f"{web_site.address}/closed/1.html")
    assert "this page and 1 more page." in said["reason"]
    assert not [path for path in web_site.paths() if path.startswith("/closed")]


def test_a_first_page_that_robots_txt_closes_is_said_when_the_connection_is_tested(
    web_site: WebSite, workshop: Workshop
) -> None:
    web_site.pages["/robots.txt"] = Page(b"User-agent: *\nDisallow: /\n", "text/plain")
    config = {"start": [f"{web_site.address}/"]}
    with workshop.scope():
        found = sources.preview(kind="crawl", name="x", config=config, secrets={})
    assert "robots.txt" in found.error
    assert found.remedy


def test_a_sitemap_that_names_more_pages_than_the_limit_says_so(
    web_site: WebSite, add_source: Add
) -> None:
    base = web_site.address
    web_site.pages |= {f"/{name}": Page(f"<p>Page {name}.</p>".encode()) for name in "abc"}
    listed = sitemap(*((f"{base}/{name}", "2026-01-01") for name in "abc"))
    web_site.pages["/sitemap.xml"] = Page(listed, "application/xml")
    run = add_source("sitemap", url=f"{base}/sitemap.xml", most_pages=2).sync()
    assert (run.listed, [one["code"] for one in run.problems]) == (2, ["limit"])


# --- feeds

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<item><title>Leave</title><link>{base}/1</link><description>&lt;p&gt;Leave is thirty days.&lt;/p&gt;</description>
<pubDate>Thu, 01 Jan 2026 00:00:00 GMT</pubDate></item>
<item><title>Notice</title><guid isPermaLink="false">n-2</guid><description>Three months.</description></item>
</channel></rss>"""


def test_a_feed_s_entries_are_documents_and_stay_when_it_forgets_them(
    web_site: WebSite, add_source: Add
) -> None:
    base = web_site.address
    web_site.pages["/feed"] = Page(RSS.format(base=base).encode(), "application/rss+xml")
    watch = add_source("rss", urls=[f"{base}/feed"])
    assert counts(watch.sync()) == {"listed": 2, "fetched": 2, "new": 2}
    assert watch.ingest() == {f"{base}/1": "ready", f"{base}/feed#n-2": "ready"}
    assert watch.document(f"{base}/1").title == "Leave"
    assert "thirty days" in " ".join(watch.workshop.current_texts(watch.document(f"{base}/1")))
    web_site.pages["/feed"] = Page(
        b"<rss version='2.0'><channel><title>News</title></channel></rss>"
    )
    assert counts(watch.sync()) == {}
    assert len(watch.states()) == 2


def test_a_feed_s_links_are_followed_where_that_is_wanted(
    web_site: WebSite, add_source: Add
) -> None:
    base = web_site.address
    web_site.pages["/feed"] = Page(RSS.format(base=base).encode(), "application/rss+xml")
    web_site.pages["/1"] = Page(b"<p>The whole story of leave.</p>")
    watch = add_source("rss", urls=[f"{base}/feed"], follow=True)
    watch.sync()
    watch.ingest()
    assert "whole story" in " ".join(watch.workshop.current_texts(watch.document(f"{base}/1")))


def test_a_page_is_no_feed(web_site: WebSite, add_source: Add) -> None:
    web_site.pages["/feed"] = Page(b"<html><p>Hello")
    run = add_source("rss", urls=[f"{web_site.address}/feed"]).sync()
    assert (run.state, run.reason_code) == (SourceRun.RunState.FAILED, "no_feed")


# --- buckets

KEYS = {"access_key": ACCESS, "secret_key": SECRET}


@pytest.fixture
def store(web_site: WebSite) -> S3Store:
    found = S3Store(web_site)
    found.objects = {
        "handbook/leave.txt": b"Leave is twenty days.",
        "handbook/n\xc3\xb6tice period+1 (old).txt".encode().decode("latin-1"): b"Three months.",
        "handbook/photo.bin": b"123",
        "handbook/empty.txt": b"",
        "private/salaries.txt": b"secret",
    }
    return found


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_a_bucket_is_listed_page_by_page_and_signed(
    style: str, store: S3Store, add_source: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.virtual = style == "virtual"
    resolved = "tenants.outbound.system_resolver"
    monkeypatch.setattr(resolved, lambda host, port: ["127.0.0.1"])
    watch = add_source(
        "s3",
        bucket="docs",
        prefix="handbook/",
        endpoint=f"http://store.example:{store.site.port}",
        style=style,
        include=["*.txt"],
        options={"secrets": KEYS},
    )
    run = watch.sync()
    assert counts(run) == {"listed": 3, "fetched": 2, "new": 2, "skipped": 1}, run.problems
    assert set(watch.ingest().values()) == {"ready"}
    before = len(store.site.hits)
    store.objects["handbook/leave.txt"] = b"Leave is thirty days."
    assert counts(watch.sync()) == {
        "listed": 3,
        "fetched": 1,
        "unchanged": 1,
        "changed": 1,
        "skipped": 1,
    }
    assert len(store.site.hits) - before == 2 + 1, "two pages of the listing and the changed object"
    del store.objects["handbook/leave.txt"]
    assert counts(watch.sync())["deleted"] == 1


@pytest.mark.parametrize(
    ("config", "secrets", "said"),
    [
        ({}, {"access_key": ACCESS, "secret_key": "wrong"}, "SignatureDoesNotMatch"),
        ({}, {}, "SignatureDoesNotMatch"),
        ({"bucket": "nobody"}, KEYS, "NoSuchBucket"),
    ],
)
def test_what_the_store_says_is_passed_on(
    config: dict[str, str], secrets: dict[str, str], said: str, store: S3Store, add_source: Add
) -> None:
    chosen = {"bucket": "docs", "endpoint": store.site.address, **config}
    run = add_source("s3", options={"secrets": secrets}, **chosen).sync()
    assert run.state == SourceRun.RunState.FAILED
    assert said in run.reason
    assert run.remedy


# --- git


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> Repo:
    """Two commits of three files, one of them no document."""
    settings.SOURCE_FOLDERS = [tmp_path.resolve()]
    repo = porcelain.init(str(tmp_path / "handbook"))
    commit(repo, {"docs/leave.md": "# Leave\n\nLeave is ten days.", "code.py": "pass"})
    commit(
        repo,
        {
            "docs/leave.md": "# Leave\n\nLeave is twenty days.",
            "docs/notice.md": "# Notice\n\nThree months.",
        },
    )
    return repo


def commit(repo: Repo, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = Path(repo.path) / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        porcelain.add(repo, [str(path)])
    porcelain.commit(
        repo, message=b"Change", author=b"Ada <ada@example.com>", committer=b"Ada <ada@example.com>"
    )


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def git_server(repository: Repo) -> Iterator[tuple[str, list[str]]]:
    """dulwich's own server of the smart protocol; its address, and what was asked for."""
    application = make_wsgi_chain(DictBackend({"/handbook.git": repository}))
    asked: list[str] = []

    def noting(request: Any, start: Any) -> Any:
        asked.append(request["PATH_INFO"])
        return application(request, start)

    server = make_server("127.0.0.1", 0, noting, handler_class=_Quiet)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/handbook.git", asked
    server.shutdown()
    server.server_close()


def test_a_repository_is_read_over_http(
    git_server: tuple[str, list[str]], repository: Repo, add_source: Add
) -> None:
    address, asked = git_server
    watch = add_source("git", repository=address, include=["docs/**"])
    assert counts(watch.sync()) == {"listed": 2, "fetched": 2, "new": 2}
    assert watch.ingest() == dict.fromkeys(
        ("handbook/docs/leave.md", "handbook/docs/notice.md"), "ready"
    )
    packs = asked.count("/handbook.git/git-upload-pack")
    assert counts(watch.sync()) == {"listed": 2, "unchanged": 2}
    assert asked.count("/handbook.git/git-upload-pack") - packs <= 1, (
        "no pack for a branch that stands still"
    )
    commit(repository, {"docs/leave.md": "# Leave\n\nLeave is thirty days."})
    assert counts(watch.sync()) == {"listed": 2, "fetched": 1, "unchanged": 1, "changed": 1}
    watch.ingest()
    texts = watch.workshop.current_texts(watch.document("handbook/docs/leave.md"))
    assert "thirty" in " ".join(texts)


def test_a_repository_of_this_machine_is_read(repository: Repo, add_source: Add) -> None:
    watch = add_source("git", repository=repository.path)
    assert counts(watch.sync()) == {"listed": 2, "fetched": 2, "new": 2}


def test_a_branch_that_is_not_there_is_answered_with_those_that_are(
    git_server: tuple[str, list[str]], add_source: Add
) -> None:
    run = add_source("git", repository=git_server[0], branch="nope").sync()
    assert (run.state, run.reason_code) == (SourceRun.RunState.FAILED, "no_branch")
    assert "master" in run.remedy or "main" in run.remedy


def test_a_repository_that_borrows_objects_or_lies_elsewhere_is_refused(
    repository: Repo, add_source: Add, tmp_path: Path
) -> None:
    (Path(repository.path) / ".git/objects/info").mkdir(exist_ok=True)
    (Path(repository.path) / ".git/objects/info/alternates").write_text("/elsewhere")
    for place in (repository.path, "/etc", "file:///etc", "ssh://git@example.com/x.git"):
        with pytest.raises(ValidationError):
            add_source("git", repository=place)
