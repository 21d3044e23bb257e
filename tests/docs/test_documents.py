"""What the documents say about the repository is true of it, and what the repository has is in the documents."""

import ast
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "adr").glob("*.md")),
    *sorted((ROOT / "docs" / "handbook").glob("*.md")),
]
PACKAGES = ("platform", "ingestion", "inference", "retrieval", "evals", "tests")
OURS = (
    "tenants",
    "traces",
    "inference",
    "ingestion",
    "retrieval",
    "orchestration",
    "chat",
    "api",
    "evals",
    "config",
)
# What the system sets for every program, and Django's own.
NOT_OURS = {"PATH", "PWD", "LD_LIBRARY_PATH", "PYTHONPATH"}
READ = re.compile(
    r"(?:env\.(?:text|key|flag|integer|choice|words|folders|networks|ports|database)|_database|environ\.get|variables\.get|environ\[|variables\[)"
    r"\(?\s*\"([A-Z][A-Z0-9_]+)\""
)
IN_SHELL = re.compile(r"\$\{([A-Z][A-Z0-9_]+)[:}-]")


def variables_read() -> set[str]:
    """The environment variables that Python and the scripts in bin/ read."""
    found = set()
    for package in (*PACKAGES, "manage.py"):
        for path in [ROOT / package] if package.endswith(".py") else (ROOT / package).rglob("*.py"):
            found |= set(READ.findall(path.read_text(encoding="utf-8")))
    for script in (ROOT / "bin").iterdir():
        text = script.read_text(encoding="utf-8")
        own = set(re.findall(r"^([A-Z]+)=", text, re.MULTILINE))
        found |= set(IN_SHELL.findall(text)) - own
    return {name for name in found - NOT_OURS if not name.startswith("DJANGO_")}


def variables_documented() -> set[str]:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", text, re.MULTILINE))


def test_every_variable_that_is_read_is_documented() -> None:
    assert variables_read() - variables_documented() == set()


def test_every_documented_variable_is_read() -> None:
    roles = (ROOT / "platform" / "config" / "launch" / "roles.py").read_text(encoding="utf-8")
    handed_on = set(re.findall(r'"([A-Z]+_DATABASE_URL)"', roles))
    assert variables_documented() - variables_read() - handed_on == set()


def our_commands() -> set[str]:
    return {name for name, app in get_commands().items() if app in OURS}


def documented_commands() -> set[str]:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE)
    return {words.split()[0] for row in rows for words in re.findall(r"`([^`]+)`", row)}


def test_every_command_of_ours_is_documented_and_exists() -> None:
    assert our_commands() - documented_commands() == set()
    assert documented_commands() - set(get_commands()) == set()


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    listed = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    for number, path in enumerate(decisions, start=1):
        assert path.name.startswith(f"{number:04}-")
        title = path.read_text(encoding="utf-8").splitlines()[0]
        assert title.startswith(f"# {number:04}: ")
        assert f"[{number:04}]({path.name}) | {title.split(': ', 1)[1]} |" in listed


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "adr").glob("0*.md")), ids=lambda path: path.name
)
def test_a_decision_is_half_a_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.split()) <= 400
    for part in ("**Why.**", "**Decision.**", "**What follows.**"):
        assert part in text


def test_the_package_map_names_every_package_and_no_other() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    mapped = set(re.findall(r"^\| \[`([\w/]+)`\]", readme, re.MULTILINE))
    found = {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/apps.py")}
    found |= {str(path.parent.relative_to(ROOT)) for path in ROOT.glob("platform/*/apps.py")}
    assert mapped == found | {"tests"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    addresses = re.findall(r"\]\(([^)#\s]+)", text)
    local = [address for address in addresses if "://" not in address]
    missing = [address for address in local if not (path.parent / address).exists()]
    assert not missing


def fences(path: Path) -> Iterator[str]:
    """The shell blocks of a document."""
    yield from re.findall(r"^```(?:sh)?\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)


def commands(path: Path) -> Iterator[str]:
    """The single commands of its shell blocks that call something of ours."""
    for block in fences(path):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|\s)(bin/\w+.*)", line.split("#")[0])
            if found:
                yield found[1].strip()


SHELL = [path for path in DOCUMENTS if any(commands(path))]


@pytest.mark.parametrize("path", SHELL, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_documents_can_be_called(path: Path) -> None:
    for command in commands(path):
        program, *arguments = shlex.split(command)
        assert os.access(ROOT / program, os.X_OK), f"{program} is no program"
        if program == "bin/manage" and arguments[0] in our_commands():
            check_arguments(arguments)


def check_arguments(arguments: list[str]) -> None:
    """Parse them as the command would; an option that does not exist raises."""
    name, *rest = arguments
    known = load_command_class(get_commands()[name], name)
    known.create_parser("bin/manage", name).parse_args(rest)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_shell_in_documents_is_shell(path: Path) -> None:
    for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S):
        checked = subprocess.run(
            ["bash", "-n"], input=block, text=True, capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


def test_python_in_the_readme_is_python() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    scripts = re.findall(r"<<'PYTHON'\n(.*?)^PYTHON", readme, re.M | re.S)
    assert scripts
    for script in scripts:
        ast.parse(script)


def test_tests_named_in_the_security_promises_exist() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.]+)`", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
