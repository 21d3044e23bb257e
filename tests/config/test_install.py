"""bin/install: the lock decides, a killed install is repaired, and nothing to do takes no time."""

import hashlib
import os
import shutil
import subprocess
import time
import tomllib
import zipfile
from itertools import chain
from pathlib import Path

import pytest

from config.launch.home import REPOSITORY

WHEEL = "{name}-{version}-py3-none-any.whl"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Making a virtual environment takes seconds: the tests share one."""
    folder = tmp_path_factory.mktemp("repository")
    for name in ("bin", "requirements", "wheels"):
        (folder / name).mkdir()
    shutil.copy(REPOSITORY / "bin" / "install", folder / "bin" / "install")
    (folder / "pyproject.toml").write_text('dependencies = [\n  "torch==1.0",\n]\n')
    wheel(folder, "torch", "1.0")
    return folder


@pytest.fixture
def repository(made: Path) -> Path:
    """A repository with bin/install and a lock of one small package; pip looks nowhere but in ``wheels``."""
    for stamp in (made / ".venv").glob(".installed-*"):
        stamp.unlink()
    lock(made, "1.0")
    return made


def wheel(repository: Path, name: str, version: str) -> Path:
    """A package of one module that says its version."""
    path = repository / "wheels" / WHEEL.format(name=name, version=version)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def lock(repository: Path, version: str) -> None:
    digest = hashlib.sha256(wheel(repository, "sample", version).read_bytes()).hexdigest()
    text = f"sample=={version} \\\n    --hash=sha256:{digest}\n"
    for name in ("base", "dev"):
        (repository / "requirements" / f"{name}.lock").write_text(text)


def install(repository: Path, name: str = "base") -> subprocess.CompletedProcess[str]:
    wheels = str(repository / "wheels")
    variables = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels,
        "PIP_CONFIG_FILE": os.devnull,
    }
    command = [repository / "bin" / "install", name]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def installed(repository: Path) -> str:
    command = [repository / ".venv/bin/python", "-c", "import sample; print(sample.VERSION)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_the_lock_decides_what_is_installed(repository: Path) -> None:
    first = install(repository)
    assert first.returncode == 0, first.stderr
    assert installed(repository) == "1.0"

    started = time.monotonic()
    again = install(repository)
    assert (again.returncode, again.stderr) == (0, "")
    assert time.monotonic() - started < 0.5, "nothing to do takes no time"

    lock(repository, "2.0")
    assert install(repository).returncode == 0
    assert installed(repository) == "2.0"


@pytest.mark.slow
def test_what_a_killed_install_left_is_put_right(repository: Path) -> None:
    install(repository)
    [module] = (repository / ".venv").glob("lib/*/site-packages/sample.py")
    # pip was killed while it wrote: the module is cut off, yet the package counts as installed.
    module.write_text("VERSION = ")
    (repository / ".venv" / ".installing").touch()

    repaired = install(repository)

    assert repaired.returncode == 0, repaired.stderr
    assert installed(repository) == "1.0"
    assert not (repository / ".venv" / ".installing").exists()


@pytest.mark.slow
def test_a_package_that_is_not_the_locked_one_is_refused(repository: Path) -> None:
    lock(repository, "3.0")
    with (repository / "wheels" / WHEEL.format(name="sample", version="3.0")).open("ab") as file:
        file.write(b"something else")

    refused = install(repository)

    assert refused.returncode == 1
    assert "HASHES" in refused.stderr
    assert "did not finish" in refused.stderr
    assert not (repository / ".venv" / ".installed-base.lock").exists()


def test_without_python_it_says_what_is_needed(repository: Path) -> None:
    variables = {**os.environ, "FOOTNOTE_PYTHON": "no-such-python"}
    command = [repository / "bin" / "install", "base"]
    refused = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "Python 3.11 or newer is needed" in refused.stderr


@pytest.mark.parametrize("name", ["base", "dev"])
def test_every_locked_package_has_hashes_and_none_says_where_from(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    packages = [line for line in text.splitlines() if "==" in line]
    assert len(packages) > 80
    assert all(line.endswith("\\") for line in packages), "a package without a hash"
    assert "://" not in text
    assert not any(
        line.startswith(("torch==", "nvidia-", "triton==", "cuda-")) for line in packages
    )


def test_the_lock_for_development_holds_the_other_one() -> None:
    base, dev = (
        {
            line
            for line in (REPOSITORY / "requirements" / f"{name}.lock").read_text().splitlines()
            if "==" in line
        }
        for name in ("base", "dev")
    )
    assert base <= dev


def test_every_dependency_says_why_and_is_locked() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    locked = (REPOSITORY / "requirements" / "dev.lock").read_text(encoding="utf-8")
    wanted = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    for requirement in wanted:
        [line] = [line for line in text.splitlines() if line.strip().startswith(f'"{requirement}"')]
        assert "# " in line, f"{requirement} does not say why"
        name = requirement.split("[")[0].split(">")[0].split("=")[0].split("<")[0].lower()
        assert f"\n{name}==" in f"\n{locked}" or name == "torch", (
            f"{requirement} is not locked: bin/lock"
        )
