"""The API describes itself: completely, validly, and on a page that runs under a strict policy."""

import re

import httpx
import yaml
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.urls import URLPattern

from api import urls
from tests.api.test_authentication import OPERATIONS


def described(stranger: httpx.Client) -> dict[str, dict[str, dict[str, object]]]:
    response = stranger.get("/api/schema/")
    assert response.status_code == 200
    paths: dict[str, dict[str, dict[str, object]]] = yaml.safe_load(response.text)["paths"]
    return paths


def test_the_schema_is_valid_and_without_warnings(tmp_path: object) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", f"{tmp_path}/schema.yml")


def test_every_operation_is_described_with_its_errors(stranger: httpx.Client) -> None:
    found = {
        (method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, operations in described(stranger).items()
        for method in operations
    }
    known = {
        (method, path.replace("/v1/models/footnote", "/v1/models/x"))
        for method, path, _ in OPERATIONS
    }
    assert found == known
    for path, operations in described(stranger).items():
        for operation in operations.values():
            shape = str(operation["responses"])
            assert ("OpenAIError" if path.startswith("/v1/") else "/Error") in shape
            assert operation["security"] == [{"apiKey": []}]


def test_the_scope_matrix_of_the_tests_knows_every_view() -> None:
    views = {
        pattern.callback.cls: pattern
        for pattern in urls.urlpatterns
        if isinstance(pattern, URLPattern) and hasattr(pattern.callback.cls, "scopes")
    }
    declared = sorted((method, scope) for view in views for method, scope in view.scopes.items())
    assert declared == sorted((method, scope) for method, _, scope in OPERATIONS)
    for view in views:
        assert set(view.scopes) == {method.upper() for method in view().allowed_methods}


def test_the_docs_page_runs_no_inline_script(stranger: httpx.Client) -> None:
    response = stranger.get("/api/docs/")
    assert response.status_code == 200
    assert "script-src 'self';" in response.headers["Content-Security-Policy"]
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", response.text, re.DOTALL)
    assert scripts
    for attributes, content in scripts:
        assert not content.strip()
        source = re.search(r'src="([^"]+)"', attributes)
        assert source is not None
        own = source[1].removeprefix("/static/")
        assert own != source[1] or source[1].startswith("/api/docs/")
        assert own == source[1] or finders.find(own)
