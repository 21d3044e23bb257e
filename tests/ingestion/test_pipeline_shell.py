"""``bin/manage ingest`` and its neighbours, as a person in a shell meets them."""

import io
import json
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ingestion import archives, waiting
from ingestion.lexical import dimension, terms
from ingestion.models import Collection, Document, DocumentVersion, LexicalEntry
from tenants import access
from tenants.models import Tenant
from tests.ingestion.workshop import Workshop, pdf

TEXT = "The pump must be serviced every six weeks."


class Shell:
    """Runs commands; keeps what they said."""

    def __init__(self) -> None:
        self.out, self.err, self.code = "", "", 0

    def run(self, *arguments: str) -> "Shell":
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(*arguments, stdout=out, stderr=err)
        except SystemExit as end:
            self.code = int(str(end.code))
        else:
            self.code = 0
        self.out, self.err = out.getvalue(), err.getvalue()
        return self


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose commands do not wait long for a worker that no test starts."""
    monkeypatch.setattr(waiting, "PATIENCE", 0.1)
    monkeypatch.setattr(waiting, "POLL_SECONDS", 0.05)
    return Shell()


def ingest(shell: Shell, workshop: Workshop, *paths: Path, wait: bool = True) -> Shell:
    options = [
        "--tenant",
        workshop.tenant.slug,
        "--collection",
        "shelf",
        *(["--wait"] if wait else []),
    ]
    return shell.run("ingest", *map(str, paths), *options)


def names(workshop: Workshop) -> set[str]:
    with workshop.scope():
        return set(
            Document.objects.filter(collection__slug="shelf").values_list("external_id", flat=True)
        )


def write_rows(path: Path, *rows: Any) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def test_a_folder_is_ingested_with_everything_below_it(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a.md").write_text(f"# A\n\n{TEXT}")
    (tmp_path / "deep" / "er" / "b.pdf").write_bytes(pdf("A page about pumps"))
    (tmp_path / ".hidden.md").write_text("not this")
    ingest(shell, workshop, tmp_path)
    assert shell.code == 0, shell.err
    assert names(workshop) == {"a.md", "deep/er/b.pdf"}
    assert "2 ready, 0 failed" in shell.out
    with workshop.scope():
        assert Collection.objects.get(slug="shelf").name == "Shelf"


def test_without_a_worker_the_command_does_the_work_and_says_so(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "a.md").write_text(TEXT)
    assert "it is done here, in this process" in ingest(shell, workshop, tmp_path).out


def test_a_single_file_goes_by_its_name(shell: Shell, workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(TEXT)
    ingest(shell, workshop, tmp_path / "a.md", wait=False)
    assert names(workshop) == {"a.md"}
    assert "--wait" in shell.out


def test_rows_are_documents(shell: Shell, workshop: Workshop, tmp_path: Path) -> None:
    rows = write_rows(
        tmp_path / "rows.jsonl",
        {"_id": "x1", "title": "Pumps", "text": TEXT, "metadata": {"year": 2026}},
        {"_id": 7, "text": "Filters are changed every year."},
        "",
    )
    ingest(shell, workshop, rows)
    assert shell.code == 0, shell.err
    with workshop.scope():
        first = Document.objects.get(external_id="x1")
        assert (first.title, first.metadata["year"], first.state) == ("Pumps", 2026, "ready")
        assert Document.objects.get(external_id="7").state == "ready"


def test_a_row_without_a_title_goes_by_its_first_words_and_its_id_is_no_word_of_it(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    long = "Filters of the second stage are changed every year by whoever is on duty that day, or sooner."
    rows = write_rows(
        tmp_path / "rows.jsonl",
        {"_id": "qx-7731", "text": f"{long}\nSpare ones lie in store B.", "title": ""},
        {"_id": "8", "text": "def blade(angle):\n    return angle"},
    )
    ingest(shell, workshop, rows)
    with workshop.scope():
        titles = dict(Document.objects.values_list("external_id", "title"))
        assert titles == {
            "qx-7731": "Filters of the second stage are changed every year by whoever is on duty that…",
            "8": "def blade(angle):",
        }
        version = DocumentVersion.objects.get(document__external_id="qx-7731")
        held = set(LexicalEntry.objects.get(version_id=version.pk).weights.indices())
    assert {dimension(word) - 1 for word in terms("filters spare")} <= held
    assert not {dimension(word) - 1 for word in terms("qx-7731")} & held


def test_the_same_rows_again_are_unchanged(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    rows = write_rows(
        tmp_path / "rows.jsonl", *[{"_id": str(n), "text": f"{TEXT} {n}"} for n in range(30)]
    )
    assert "30 created" in ingest(shell, workshop, rows).out
    assert "30 unchanged" in ingest(shell, workshop, rows).out


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{not json", "It is not JSON"),
        ('["a", "list"]', "It must be an object with _id, title, text, metadata, not a list"),
        ({"text": TEXT}, "_id must be a text or a number that is not empty, not absent"),
        ({"_id": "", "text": TEXT}, "_id must be"),
        ({"_id": True, "text": TEXT}, "_id must be"),
        ({"_id": "b"}, "text must be a text, not absent"),
        ({"_id": "b", "text": 7}, "text must be a text, not int"),
        ({"_id": "b", "text": "  "}, "text is empty"),
        ({"_id": "b", "text": TEXT, "title": []}, "title must be a text, not a list"),
        ({"_id": "b", "text": TEXT, "metadata": "x"}, "metadata must be an object"),
        ({"_id": "good", "text": TEXT}, "_id 'good' was used in line 1 already"),
        ("[" * 100_000, "not"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line_and_loses_no_good_one(
    shell: Shell, workshop: Workshop, tmp_path: Path, row: Any, said: str
) -> None:
    rows = write_rows(
        tmp_path / "rows.jsonl", {"_id": "good", "text": TEXT}, row, {"_id": "last", "text": TEXT}
    )
    ingest(shell, workshop, rows, wait=False)
    assert shell.code == 1
    assert f"{rows}, line 2" in shell.err
    assert said in shell.err
    assert names(workshop) == {"good", "last"}


def test_what_fails_is_listed_and_gives_exit_code_1(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "good.md").write_text(TEXT)
    (tmp_path / "blank.txt").write_text(" \n")
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "photo.webp").write_bytes(b"\x89PNG")
    ingest(shell, workshop, tmp_path)
    assert shell.code == 1
    assert "3 could not be ingested" in shell.err
    for said in ("blank.txt", "empty.txt is empty", "photo.webp is an image"):
        assert said in shell.err
    assert "1 ready, 1 failed" in shell.out


def test_archives_are_read_without_being_unpacked(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/one.md", TEXT)
        archive.writestr("rows.jsonl", json.dumps({"_id": "row", "text": TEXT}))
        archive.writestr("__MACOSX/._one.md", "x")
        archive.writestr("../../evil.md", TEXT)
        archive.writestr("inner.zip", b"PK")
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("passwd.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        plain = tarfile.TarInfo("./two.md")
        plain.size = len(TEXT)
        archive.addfile(plain, io.BytesIO(TEXT.encode()))
    ingest(shell, workshop, tmp_path, wait=False)
    assert names(workshop) == {"a.zip/in/one.md", "a.zip/inner.zip", "row", "b.tar.gz/two.md"}
    assert shell.code == 1
    assert "Its name leads out of the archive" in shell.err


def test_a_lone_archive_names_its_documents_by_their_paths_inside(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/one.md", TEXT)
    ingest(shell, workshop, tmp_path / "a.zip", wait=False)
    assert names(workshop) == {"in/one.md"}


def test_bombs_and_damaged_archives_are_refused(
    shell: Shell, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "UNPACKED_BYTES", 5_000_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("good.md", TEXT)
        archive.writestr("zeros.md", b"0" * 6_000_000)
    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 and nothing else")
    ingest(shell, workshop, tmp_path, wait=False)
    assert shell.code == 1
    assert "bomb.zip\n      It unpacks to over" in shell.err
    assert "cut.zip\n      The archive is damaged" in shell.err
    assert names(workshop) == {"bomb.zip/good.md"}


def test_two_files_of_one_name_from_different_folders_are_not_two_versions(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    for folder in ("left", "right"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.md").write_text(f"{TEXT} {folder}")
    ingest(shell, workshop, tmp_path / "left", tmp_path / "right", wait=False)
    assert shell.code == 1
    assert "Its external id 'a.md' is that of" in shell.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder", "--collection", "shelf"], "No such file or folder: /no/such/folder"),
        ([".", "--collection", "Bad Slug"], "Use lower-case letters, digits and single hyphens"),
    ],
)
def test_mistakes_are_told_before_anything_happens(
    shell: Shell, workshop: Workshop, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        shell.run("ingest", *arguments, "--tenant", workshop.tenant.slug)
    assert names(workshop) == set()


def test_an_unknown_tenant_is_told_with_the_known_ones(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match=r"There is no tenant 'nobody'\. Tenants: "):
        shell.run("ingest", str(tmp_path), "--tenant", "nobody", "--collection", "shelf")


def test_documents_are_listed_with_reasons(shell: Shell, workshop: Workshop) -> None:
    workshop.ingest("good.md", TEXT)
    workshop.ingest("blank.txt", " \n")
    shell.run("documents", "--tenant", workshop.tenant.slug)
    assert "papers: 1 of 2 searchable, 1 failed" in shell.out
    assert "good.md" in shell.out
    shell.run("documents", "--tenant", workshop.tenant.slug, "--state", "failed")
    assert "blank.txt" in shell.out
    assert "good.md" not in shell.out
    shell.run("documents", "--tenant", workshop.tenant.slug, "--retry")
    assert "papers: 1 queued again" in shell.out


def test_a_key_is_printed_alone_on_the_last_line_and_works(shell: Shell, acme: Tenant) -> None:
    shell.run(
        "apikey", "create", "--tenant", acme.slug, "--name", "robot", "--scopes", "search,ask"
    )
    key = shell.out.splitlines()[-1]
    principal = access.principal_of_key(key)
    assert principal is not None
    assert (principal.tenant_id, principal.scopes) == (acme.pk, frozenset({"search", "ask"}))
    shell.run("apikey", "list", "--tenant", acme.slug)
    assert key[:8] in shell.out
    assert key not in shell.out
    shell.run("apikey", "revoke", "--tenant", acme.slug, "robot")
    assert access.principal_of_key(key) is None


def test_the_demo_keeps_what_it_told_before(
    shell: Shell, quiet_queue: None, tmp_path: Path, settings: Any
) -> None:
    settings.HOME, settings.PUBLIC_URL = tmp_path, "http://127.0.0.1:8123"
    shell.run("seed_demo")
    told = json.loads((tmp_path / "demo.json").read_text())
    assert set(told) == {"url", "email", "password", "tenant", "api_key"}
    assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600
    assert access.principal_of_key(told["api_key"]) is not None
    shell.run("seed_demo")
    assert json.loads((tmp_path / "demo.json").read_text()) == told
    (tmp_path / "demo.json").unlink()
    shell.run("seed_demo")
    fresh = json.loads((tmp_path / "demo.json").read_text())
    assert access.EmailBackend().authenticate(None, fresh["email"], fresh["password"]) is not None


def test_the_language_of_a_new_collection_is_chosen_and_stays(
    shell: Shell, workshop: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Die Pumpen werden gewartet.")
    where = ["ingest", str(tmp_path), "--tenant", workshop.tenant.slug, "--collection", "shelf"]
    shell.run(*where, "--language", "german")
    with workshop.scope():
        assert Collection.objects.get(slug="shelf").language == "german"
    assert shell.run(*where, "--language", "german").code == 0
    assert shell.run(*where).code == 0
    with pytest.raises(CommandError, match="they are indexed as 'german'"):
        shell.run(*where, "--language", "greek")
