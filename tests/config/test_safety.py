"""Footnote does not serve anybody with a database role for which the policies do not hold."""

import os
import subprocess
import sys

import pytest

from config.launch.home import REPOSITORY


def start(**variables: str) -> "subprocess.CompletedProcess[str]":
    """The web process as far as its application object."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import config.asgi; print('serves')"],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_runtime_role_may_serve(database: None) -> None:
    started = start()
    assert "serves" in started.stdout, started.stderr[-1000:]


@pytest.mark.parametrize(
    "variable", ["MIGRATION_DATABASE_URL", "OPERATOR_DATABASE_URL", "BACKUP_DATABASE_URL"]
)
def test_a_role_above_the_policies_may_not(database: None, variable: str) -> None:
    started = start(DATABASE_URL=os.environ[variable])
    assert started.returncode == 1
    assert "row-level security does not hold" in started.stderr


def test_production_may_not_with_the_embedded_database(database: None) -> None:
    started = start(FOOTNOTE_ENV="production")
    assert started.returncode == 1
    assert "names the embedded database" in started.stderr


def test_a_key_with_a_line_break_inside_stops_the_start_and_is_not_repeated() -> None:
    said = start(OPENAI_API_KEY="sk-canary\r\nX-Other: 1").stderr
    assert "OPENAI_API_KEY holds no key" in said
    assert "canary" not in said


def test_production_may_not_with_debug_or_without_a_secret_key() -> None:
    assert "FOOTNOTE_DEBUG" in start(FOOTNOTE_ENV="production", FOOTNOTE_DEBUG="yes").stderr
    assert "SECRET_KEY" in start(FOOTNOTE_ENV="production", SECRET_KEY="").stderr
