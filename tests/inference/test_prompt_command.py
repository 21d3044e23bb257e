"""``bin/manage prompt``: what is exported can be changed and imported."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inference.prompts.choosing import choose
from tests.cast import Member


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("prompt", *arguments, stdout=out)
    return out.getvalue()


def test_a_prompt_goes_out_as_a_file_and_comes_back_changed(alice: Member, tmp_path: Path) -> None:
    tenant, file = ("--tenant", alice.tenant.slug), tmp_path / "answer.md"
    run("export", "answer", *tenant, "--out", str(file))
    file.write_text(file.read_text().replace("Be brief", "Be very brief"))
    told = run("import", str(file), *tenant, "--label", "production")
    assert told == "Version 1 of answer is saved.\nIt has the label production.\n"
    assert "says that already" in run("import", str(file), *tenant)
    assert run("export", "answer", *tenant) == file.read_text()
    assert run("list", *tenant).splitlines()[0].split("\t")[:3] == ["answer", "1", "production"]
    with alice.scope():
        assert choose("answer", sticky="x").used.version == "1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "/nowhere.md"), "No such file"),
        (("export", "answer", "--number", "9"), "no version 9"),
        (("export", "answer", "--number", "new"), "built-in, not 'new'"),
    ],
)
def test_mistakes_are_told_in_one_line(
    alice: Member, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments, "--tenant", alice.tenant.slug)
