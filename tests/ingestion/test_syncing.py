"""Looks at sources: what is new, changed, unchanged, gone and failed, and who may stop or undo what."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from ingestion import documents, removal, sources
from ingestion.management.commands.source import Command as SourceCommand
from ingestion.models import Source, SourceRun
from ingestion.syncing import shifts, work
from tests.fakes.web_site import Page, WebSite
from tests.ingestion.watch import Watch, counts
from tests.ingestion.workshop import Workshop, operator

Add = Callable[..., Watch]


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """A folder below the one that the operator has opened, with three files."""
    settings.SOURCE_FOLDERS = [tmp_path.resolve()]
    made = tmp_path / "docs"
    (made / "more").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "more/c.txt"):
        (made / name).write_text(f"The notice period in {name} is three months.")
    return made


def test_a_page_becomes_searchable_and_a_changed_one_is_published_anew(
    web_site: WebSite, add_source: Add
) -> None:
    address = f"{web_site.address}/leave.html"
    web_site.pages["/leave.html"] = Page(b"<h1>Leave</h1><p>Leave is twenty days.</p>")
    watch = add_source("url", urls=[address])
    assert counts(watch.sync()) == {"listed": 1, "fetched": 1, "new": 1}
    assert watch.ingest() == {address: "ready"}
    web_site.pages["/leave.html"] = Page(b"<h1>Leave</h1><p>Leave is thirty days.</p>")
    assert counts(watch.sync()) == {"listed": 1, "fetched": 1, "changed": 1}
    assert watch.ingest() == {address: "ready"}
    found = " ".join(watch.workshop.current_texts(watch.document(address)))
    assert "thirty" in found
    assert "twenty" not in found


def test_an_unchanged_page_is_asked_for_and_not_sent_again(
    web_site: WebSite, add_source: Add
) -> None:
    web_site.pages["/a"] = Page(b"<p>Leave is twenty days.</p>")
    watch = add_source("url", urls=[f"{web_site.address}/a"])
    watch.sync()
    assert counts(watch.sync()) == {"listed": 1, "unchanged": 1}
    assert web_site.hits[-1].headers["if-none-match"] == web_site.pages["/a"].tag  # type: ignore[union-attr]


def test_a_page_without_etag_and_with_the_same_bytes_makes_no_version(
    web_site: WebSite, add_source: Add
) -> None:
    web_site.pages["/a"] = Page(b"<p>Leave is twenty days.</p>", etag="")
    watch = add_source("url", urls=[f"{web_site.address}/a"])
    watch.sync()
    watch.ingest()
    assert counts(watch.sync()) == {"listed": 1, "fetched": 1, "unchanged": 1}
    with watch.workshop.scope():
        assert watch.document(f"{web_site.address}/a").versions.count() == 1


def test_what_is_fresh_is_not_asked_for_unless_somebody_asks(
    web_site: WebSite, add_source: Add
) -> None:
    web_site.pages["/a"] = Page(b"<p>Leave is twenty days.</p>")
    watch = add_source(
        "url", urls=[f"{web_site.address}/a"], options={"fresh_minutes": 60, "every_minutes": 60}
    )
    watch.sync()
    operator("UPDATE ingestion_source SET next_run_at = now() WHERE id = %s", watch.source.pk)
    work.reconcile()
    assert shifts.work_off() == 1
    assert len(web_site.hits) == 1
    watch.sync()
    assert len(web_site.hits) == 2


def test_an_item_that_fails_says_why_and_stops_no_other(web_site: WebSite, add_source: Add) -> None:
    web_site.pages["/good"] = Page(b"<p>Leave is twenty days.</p>")
    web_site.pages["/locked"] = Page(b"no", status=403)
    web_site.pages["/broken"] = Page(b"no", status=500)
    web_site.pages["/photo"] = Page(b"\x89PNG", "image/png")
    names = ("locked", "broken", "photo", "good")
    watch = add_source("url", urls=[f"{web_site.address}/{name}" for name in names])
    run = watch.sync()
    assert counts(run) == {"listed": 4, "fetched": 1, "new": 1, "failed": 2, "skipped": 1}
    said = {problem["key"].rsplit("/", 1)[-1]: problem for problem in run.problems}
    assert said["locked"]["code"] == "http_403"
    assert "credentials" in said["locked"]["remedy"]
    assert said["photo"]["code"] == "no_document"
    web_site.pages["/broken"] = Page(b"<p>Mended.</p>")
    assert counts(watch.sync())["new"] == 1


def test_a_page_that_the_server_calls_gone_is_deleted(web_site: WebSite, add_source: Add) -> None:
    for name in "abcdef":
        web_site.pages[f"/{name}"] = Page(f"<p>Page {name} is here.</p>".encode())
    watch = add_source("url", urls=[f"{web_site.address}/{name}" for name in "abcdef"])
    watch.sync()
    del web_site.pages["/c"]
    assert counts(watch.sync()) == {"listed": 6, "unchanged": 5, "deleted": 1, "skipped": 1}
    assert f"{web_site.address}/c" not in watch.states()
    web_site.pages["/c"] = Page(b"<p>Page c is back.</p>")
    assert counts(watch.sync())["new"] == 1
    assert f"{web_site.address}/c" in watch.states()


def test_a_folder_is_followed(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder))
    assert counts(watch.sync()) == {"listed": 3, "fetched": 3, "new": 3}
    assert watch.ingest() == dict.fromkeys(("docs/a.txt", "docs/b.txt", "docs/more/c.txt"), "ready")
    assert counts(watch.sync()) == {"listed": 3, "unchanged": 3}
    (folder / "a.txt").write_text("The notice period is now six months.")
    (folder / "b.txt").rename(folder / "renamed.txt")
    run = watch.sync()
    assert counts(run) == {
        "listed": 3,
        "fetched": 2,
        "unchanged": 1,
        "new": 1,
        "changed": 1,
        "deleted": 1,
    }
    assert set(watch.ingest()) == {"docs/a.txt", "docs/renamed.txt", "docs/more/c.txt"}


def test_a_touched_file_with_the_same_bytes_makes_no_version(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder))
    watch.sync()
    (folder / "a.txt").write_bytes((folder / "a.txt").read_bytes())
    assert counts(watch.sync()) == {"listed": 3, "fetched": 1, "unchanged": 3}
    assert counts(watch.sync()) == {"listed": 3, "unchanged": 3}


def test_links_lead_out_of_no_folder(folder: Path, add_source: Add, tmp_path: Path) -> None:
    secret = tmp_path.parent / f"{tmp_path.name}-secret"
    secret.mkdir()
    (secret / "key.txt").write_text("secret")
    (folder / "link.txt").symlink_to(secret / "key.txt")
    (folder / "linked").symlink_to(secret)
    watch = add_source("folder", path=str(folder))
    assert counts(watch.sync())["new"] == 3
    # Exchanged between listing and reading.
    (folder / "more" / "c.txt").unlink()
    (folder / "more").rmdir()
    (folder / "more").symlink_to(secret)
    (secret / "c.txt").write_text("secret")
    watch.sync()
    assert not any("secret" in text for key in watch.states() for text in _texts(watch, key))


def _texts(watch: Watch, key: str) -> list[str]:
    watch.ingest()
    return watch.workshop.current_texts(watch.document(key))


@pytest.mark.parametrize("path", ["/etc", "relative", "{folder}/../../..", "/", "{folder}/gone"])
def test_only_folders_that_the_operator_opened_are_read(
    path: str, folder: Path, add_source: Add
) -> None:
    with pytest.raises(ValidationError) as refusal:
        add_source("folder", path=path.replace("{folder}", str(folder)))
    assert "path" in refusal.value.message_dict


def test_many_deletions_wait_for_somebody_s_word(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder))
    watch.sync()
    for file in ("a.txt", "b.txt"):
        (folder / file).unlink()
    run = watch.sync()
    assert (run.state, run.deleted) == (SourceRun.RunState.HELD, 0)
    assert watch.source.held_deletions == 2
    assert "2 documents are no longer at the source" in watch.source.reason
    assert len(watch.states()) == 3
    with watch.workshop.scope():
        sources.confirm_deletions(source=watch.source)
    shifts.work_off()
    assert set(watch.states()) == {"docs/more/c.txt"}


def test_an_emptied_folder_loses_nothing(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder))
    watch.sync()
    folder.rename(folder.with_name("elsewhere"))
    run = watch.sync()
    assert run.state == SourceRun.RunState.WAITING
    assert run.reason_code == "folder_unreadable"
    folder.mkdir()
    operator("UPDATE ingestion_sourcerun SET not_before = now() WHERE finished_at IS NULL")
    shifts.work_off()
    assert watch.reloaded(run).state == SourceRun.RunState.HELD
    assert len(watch.states()) == 3


def test_documents_are_kept_where_the_source_says_so(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder), options={"missing": "keep"})
    watch.sync()
    (folder / "a.txt").unlink()
    assert watch.sync().state == SourceRun.RunState.DONE
    assert "docs/a.txt" in watch.states()


def test_what_a_person_deleted_or_erased_stays_out(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder))
    watch.sync()
    watch.ingest()
    with watch.workshop.scope():
        documents.delete(document=watch.document("docs/a.txt"))
        removal.erase(document=watch.document("docs/b.txt"))
    (folder / "a.txt").write_text("The notice period changed.")
    (folder / "b.txt").write_text("The notice period changed too.")
    assert counts(watch.sync()) == {"listed": 3, "unchanged": 3}
    assert set(watch.states()) == {"docs/more/c.txt"}


def test_somebody_else_s_document_is_left_alone(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder))
    watch.workshop.upload("a.txt", "Uploaded by hand.", external_id="docs/a.txt")
    run = watch.sync()
    assert counts(run) == {"listed": 3, "fetched": 3, "new": 2, "failed": 1}
    assert run.problems[0]["code"] == "refused_name_taken"
    assert counts(watch.sync()) == {"listed": 3, "unchanged": 2, "failed": 1}


def test_a_paused_source_is_not_looked_at_and_goes_on_when_resumed(
    folder: Path, add_source: Add
) -> None:
    watch = add_source("folder", path=str(folder), options={"every_minutes": 5})
    operator("UPDATE ingestion_source SET next_run_at = now() WHERE id = %s", watch.source.pk)
    with watch.workshop.scope():
        sources.pause(source=watch.source)
        with pytest.raises(sources.NotSyncable, match="resume"):
            sources.sync(source=watch.source)
    work.reconcile()
    assert shifts.work_off() == 0
    with watch.workshop.scope():
        sources.resume(source=watch.source)
    work.reconcile()
    assert shifts.work_off() == 1
    assert len(watch.states()) == 3
    work.reconcile()
    assert shifts.work_off() == 0, "the next look is five minutes away"


def test_a_look_that_is_stopped_leaves_nothing_of_its_last_batch(
    web_site: WebSite, add_source: Add
) -> None:
    web_site.pages["/a"] = Page(b"<p>Leave is twenty days.</p>")
    watch = add_source("url", urls=[f"{web_site.address}/a", f"{web_site.address}/b"])

    def stops(handler: Any) -> None:
        operator(
            "UPDATE ingestion_sourcerun SET state = 'stopped', lease_token = NULL, finished_at = now()"
            " WHERE source_id = %s",
            watch.source.pk,
        )
        handler.answer(Page(b"<p>Too late.</p>"))

    web_site.pages["/b"] = stops
    run = watch.sync()
    assert run.state == SourceRun.RunState.STOPPED
    assert watch.states() == {}


def test_a_worker_that_dies_hands_its_look_on(folder: Path, add_source: Add) -> None:
    watch = add_source("folder", path=str(folder))
    with watch.workshop.scope():
        run = sources.sync(source=watch.source)
    assert work.claim() is not None
    assert work.claim() is None
    operator(
        "UPDATE ingestion_sourcerun SET lease_until = now() - interval '1 s' WHERE id = %s", run.pk
    )
    assert work.reconcile() == 1
    operator("UPDATE ingestion_sourcerun SET not_before = now() WHERE id = %s", run.pk)
    shifts.work_off()
    assert watch.reloaded(run).state == SourceRun.RunState.DONE
    assert len(watch.states()) == 3


def test_a_tenant_s_many_looks_let_another_s_go_first(
    folder: Path, add_source: Add, globex: Any, new_workshop: Any
) -> None:
    mine = [add_source("folder", path=str(folder), options={"name": f"n{n}"}) for n in range(3)]
    for watch in mine:
        with watch.workshop.scope():
            sources.sync(source=watch.source)
    theirs = new_workshop(globex)
    with theirs.scope():
        sources.add(
            collection=theirs.collection, kind="folder", name="x", config={"path": str(folder)}
        )
    order = [claimed.tenant_id for _ in range(4) if (claimed := work.claim())]
    assert order.index(globex.pk) == 1


@pytest.mark.parametrize("with_documents", [True, False])
def test_a_removed_source_keeps_or_takes_its_documents(
    with_documents: bool, folder: Path, add_source: Add
) -> None:
    watch = add_source("folder", path=str(folder))
    watch.sync()
    with watch.workshop.scope():
        assert sources.remove(source=watch.source, with_documents=with_documents) == (
            3 if with_documents else 0
        )
    assert len(watch.states()) == (0 if with_documents else 3)
    again = add_source("folder", path=str(folder))
    assert again.source.pk != watch.source.pk


def test_credentials_are_sent_and_never_shown(web_site: WebSite, add_source: Add) -> None:
    web_site.pages["/a"] = Page(b"<p>Leave is twenty days.</p>")
    watch = add_source(
        "url",
        urls=[f"{web_site.address}/a"],
        options={"secrets": {"username": "ada", "password": "canary-4711"}},
    )
    watch.sync()
    assert web_site.hits[0].headers["authorization"].startswith("Basic ")
    with watch.workshop.scope():
        row = Source.objects.values().get(pk=watch.source.pk)
    assert "canary" not in str(row).replace("\\x", "")
    assert b"canary" not in bytes(row["encrypted_credentials"])


@pytest.mark.parametrize(
    ("kind", "config", "options", "field"),
    [
        ("url", {"urls": []}, {}, "urls"),
        ("url", {"urls": ["ftp://example.com/"]}, {}, "urls"),
        ("url", {"urls": ["http://169.254.169.254/"]}, {}, "urls"),
        ("url", {"urls": 7}, {}, "urls"),
        ("url", {"urls": ["https://example.com/"], "depth": 1}, {}, "depth"),
        ("url", {"urls": ["https://example.com/"]}, {"secrets": {"key": "x"}}, "key"),
        ("url", {"urls": ["https://example.com/"]}, {"every_minutes": 1}, "every_minutes"),
        ("url", {"urls": ["https://example.com/"]}, {"name": " "}, "name"),
        ("upload", {}, {}, "kind"),
        ("nonsense", {}, {}, "kind"),
    ],
)
def test_settings_that_cannot_be_right_are_named(
    kind: str, config: dict[str, Any], options: dict[str, Any], field: str, add_source: Add
) -> None:
    with pytest.raises(ValidationError) as refusal:
        add_source(kind, options=options, **config)
    assert field in refusal.value.message_dict


def test_the_kinds_settings_are_not_taken_for_djangos() -> None:
    """Django reads an option of that name before the command runs, and fails on a list."""
    line = "add url prices urls=https://example.com/prices --collection web --tenant acme"
    asked = SourceCommand().create_parser("manage", "source").parse_args(line.split())
    assert asked.settings is None
    assert asked.values == ["urls=https://example.com/prices"]


def test_a_source_is_added_with_its_times_and_looked_at_from_the_shell(
    folder: Path, workshop: Workshop, quiet_sources: None
) -> None:
    tenant = ("--tenant", workshop.tenant.slug)
    times = ("--every", "daily", "--fresh", "60", "--most-deleted", "50")
    place = ("--collection", workshop.collection.slug)
    out = io.StringIO()
    call_command(
        "source",
        "add",
        "folder",
        "Rules",
        f"path={folder}",
        *place,
        *times,
        *tenant,
        "--wait",
        stdout=out,
    )
    assert "last look: 3 listed, 3 new" in out.getvalue()
    with workshop.scope():
        row = Source.objects.get(name="Rules")
    assert (row.every_minutes, row.fresh_minutes, row.most_deleted_percent) == (1440, 60, 50)
    with pytest.raises(CommandError, match="fresh_minutes: Expected 0 to"):
        call_command(
            "source", "add", "folder", "X", f"path={folder}", *place, "--fresh", "-1", *tenant
        )
