"""``bin/manage ingest --watch`` without a path, and deeds on documents from the shell."""

import io
import re

import pytest
from django.core.management import CommandError, call_command

from ingestion import watching
from ingestion.models import Document
from tenants.scope import platform_principal
from tests.ingestion.workshop import Workshop, work_off

TEXT = "The pump must be serviced every six weeks."


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_table_shows_what_is_open_and_ends_with_it(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    for n in range(3):
        workshop.upload(f"{n}.md", f"{TEXT} {n}")
    sights = watching.watch(platform_principal(workshop.tenant.pk))
    first = watching.lines(next(sights))
    assert first[0] == "papers: 0 of 3 searchable, 3 waiting"
    assert any(line.startswith("queued") and line.endswith("0.md") for line in first)
    work_off()
    last = list(sights)[-1]
    assert (last.open, watching.lines(last)[0]) == (0, "papers: 3 of 3 searchable")
    assert "0 open" in said("ingest", "--watch", "--tenant", workshop.tenant.slug)


def test_the_table_says_how_fast_it_goes_and_how_long_it_takes(workshop: Workshop) -> None:
    workshop.ingest("done.md", TEXT)
    workshop.upload("waits.md", f"{TEXT} Twice.")
    sight = watching.look(platform_principal(workshop.tenant.pk), None)
    assert "1 open" in watching.lines(sight)[1]
    assert re.search(r"chunks/s, about \d+ s left", watching.lines(sight)[1])


def test_without_a_path_or_watch_it_says_what_to_give(workshop: Workshop) -> None:
    with pytest.raises(CommandError, match="Give a PATH to ingest, or --watch"):
        said("ingest", "--tenant", workshop.tenant.slug)


def test_documents_are_deleted_restored_and_erased_from_the_shell(workshop: Workshop) -> None:
    document = workshop.ingest("a.md", TEXT)
    key, tenant = str(document.pk), ("--tenant", workshop.tenant.slug)
    assert "deleted" in said("documents", *tenant, "--delete", key)
    assert key in said("documents", *tenant, "--deleted")
    assert "restored" in said("documents", *tenant, "--restore", key)
    work_off()
    assert "papers: paused" in said("documents", *tenant, "--pause")
    assert "searchable, paused" in said("documents", *tenant)
    assert "papers: goes on" in said("documents", *tenant, "--resume")
    assert "1 are divided anew" in said("documents", *tenant, "--rechunk")
    assert "cancelled" in said("documents", *tenant, "--cancel", key)
    assert "erased" in said("documents", *tenant, "--erase", key, "--yes")
    with workshop.scope():
        assert not Document.objects.exists()
    with pytest.raises(CommandError, match="There is no document"):
        said("documents", *tenant, "--restore", key)
