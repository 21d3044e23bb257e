"""Pages work under their Content-Security-Policy: a blocked script or style shows in the console and fails here."""

import pytest
from django.urls import reverse

from tests.cast import Member
from tests.e2e.conftest import Visit
from tests.library import Library

pytestmark = pytest.mark.browser

ADMIN = [
    "admin:index",
    "admin:ingestion_document_changelist",
    "admin:traces_trace_changelist",
    "admin:inference_model_add",
]


def test_the_admin_works_under_its_policy(
    visit: Visit, alice: Member, acme_library: Library
) -> None:
    page = visit(alice)
    for name in ADMIN:
        page.goto(reverse(name))
        assert page.get_by_role("heading").first.is_visible(), name


def test_the_api_s_documentation_works_under_its_policy(visit: Visit, alice: Member) -> None:
    page = visit(alice)
    page.goto("/api/docs/")
    page.get_by_text("/api/v1/search").first.wait_for()
