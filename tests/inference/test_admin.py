"""Providers, models and the ledger in the admin: keys go in and never come out, and costs add up."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from inference import encryption
from inference.admin_providers import is_api_address
from inference.models import Model, ModelCall, Provider
from inference.sheets import harmless
from tenants.models import AuditEvent
from tests.cast import Member

SECRET = "sk-not-to-be-seen-anywhere"
PROVIDERS = "/admin/inference/provider/"
MODELS = "/admin/inference/model/"
LEDGER = "/admin/inference/modelcall/"
NO_MODELS = {"models-TOTAL_FORMS": "0", "models-INITIAL_FORMS": "0"}

SignIn = Callable[[Member], Client]


@pytest.fixture
def signed_in(database: None) -> SignIn:
    def sign_in(member: Member) -> Client:
        client = Client()
        client.force_login(member.user)
        return client

    return sign_in


def add_provider(client: Client, name: str = "Hosted", **fields: str) -> None:
    data = {
        "name": name,
        "base_url": "https://models.example/v1",
        "enabled": "on",
        **NO_MODELS,
    } | fields
    answer = client.post(f"{PROVIDERS}add/", data)
    assert answer.status_code == 302, answer.content.decode()


def call(member: Member, *, cost: str = "0.01", model: str = "m", trace_id: str = "") -> None:
    with member.scope():
        ModelCall.objects.create(
            created_at=timezone.now(),
            operation="chat",
            feature="chat",
            provider="Hosted",
            model=model,
            trace_id=trace_id,
            outcome="ok",
            input_tokens=1000,
            output_tokens=10,
            cost_usd=Decimal(cost),
            latency_ms=500,
        )


def test_a_key_goes_in_encrypted_and_never_comes_out(alice: Member, signed_in: SignIn) -> None:
    client = signed_in(alice)
    add_provider(client, new_key=SECRET)
    with alice.scope():
        provider = Provider.objects.get()
        audited = list(AuditEvent.objects.values_list("details", flat=True))
    assert SECRET.encode() not in bytes(provider.encrypted_key)
    assert encryption.decrypt(provider.encrypted_key) == SECRET
    for address in (PROVIDERS, f"{PROVIDERS}{provider.pk}/change/"):
        assert SECRET not in client.get(address).content.decode()
    assert SECRET not in str(audited)


@pytest.mark.parametrize("key", ["sk-1\r\nX-Other: 1", "sk-\x7f", "schlüssel"])
def test_a_key_that_no_header_takes_is_refused_at_its_field(
    key: str, alice: Member, signed_in: SignIn
) -> None:
    data = {"name": "Hosted", "base_url": "https://models.example/v1", "new_key": key, **NO_MODELS}
    answer = signed_in(alice).post(f"{PROVIDERS}add/", data)
    assert list(answer.context["adminform"].form.errors) == ["new_key"]
    assert "A key has no line breaks" in answer.content.decode()
    with alice.scope():
        assert not Provider.objects.exists()


def test_saving_without_a_key_keeps_the_one_there_is(alice: Member, signed_in: SignIn) -> None:
    client = signed_in(alice)
    add_provider(client, new_key=SECRET)
    with alice.scope():
        provider = Provider.objects.get()
    data = {"name": "Renamed", "base_url": provider.base_url, "new_key": "", **NO_MODELS}
    assert client.post(f"{PROVIDERS}{provider.pk}/change/", data).status_code == 302
    with alice.scope():
        provider.refresh_from_db()
    assert provider.name == "Renamed"
    assert encryption.decrypt(provider.encrypted_key) == SECRET


def test_a_key_can_be_removed(alice: Member, signed_in: SignIn) -> None:
    client = signed_in(alice)
    add_provider(client, new_key=SECRET)
    with alice.scope():
        provider = Provider.objects.get()
    data = {"name": "Hosted", "base_url": provider.base_url, "remove_key": "on", **NO_MODELS}
    assert client.post(f"{PROVIDERS}{provider.pk}/change/", data).status_code == 302
    with alice.scope():
        provider.refresh_from_db()
    assert bytes(provider.encrypted_key) == b""


def test_a_name_twice_is_a_message_and_the_same_name_elsewhere_is_fine(
    alice: Member, charlie: Member, signed_in: SignIn
) -> None:
    add_provider(signed_in(alice))
    add_provider(signed_in(charlie))
    data = {"name": "Hosted", "base_url": "https://other.example/v1", **NO_MODELS}
    answer = signed_in(alice).post(f"{PROVIDERS}add/", data)
    assert answer.status_code == 200
    assert "already exists" in answer.content.decode()


def test_a_new_default_takes_over_from_the_old_one(alice: Member, signed_in: SignIn) -> None:
    client = signed_in(alice)
    add_provider(client)
    with alice.scope():
        provider = Provider.objects.get()
    for name in ("first", "second"):
        data = {
            "provider": str(provider.pk),
            "name": name,
            "tier": "standard",
            "kind": "chat",
            "context_window": "8000",
        }
        answer = client.post(f"{MODELS}add/", data | {"enabled": "on", "is_default": "on"})
        assert answer.status_code == 302, answer.content.decode()
    with alice.scope():
        assert list(Model.objects.filter(is_default=True).values_list("name", flat=True)) == [
            "second"
        ]


def test_another_tenants_provider_cannot_be_given_a_model(
    alice: Member, charlie: Member, signed_in: SignIn
) -> None:
    add_provider(signed_in(alice))
    with alice.scope():
        provider = Provider.objects.get()
    data = {
        "provider": str(provider.pk),
        "name": "x",
        "tier": "standard",
        "kind": "chat",
        "context_window": "8000",
    }
    assert signed_in(charlie).post(f"{MODELS}add/", data).status_code == 200
    with charlie.scope():
        assert not Model.objects.exists()


def test_the_ledger_is_read_only(alice: Member, signed_in: SignIn) -> None:
    call(alice)
    client = signed_in(alice)
    assert client.get(LEDGER).status_code == 200
    assert client.get(f"{LEDGER}add/").status_code == 403
    with alice.scope():
        row = ModelCall.objects.get()
    assert client.post(f"{LEDGER}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    with alice.scope():
        assert ModelCall.objects.count() == 1


def test_costs_add_up_per_day_feature_and_model(
    alice: Member, charlie: Member, signed_in: SignIn
) -> None:
    call(alice, cost="0.25")
    call(alice, cost="0.50")
    call(alice, cost="1.00", model="large")
    call(charlie, cost="99")
    client = signed_in(alice)
    body = client.get(f"{LEDGER}totals/").content.decode()
    assert "$1.75 for 3 calls" in body
    assert "$0.75" in body
    assert "99" not in client.get(f"{LEDGER}totals.csv").content.decode()
    rows = client.get(f"{LEDGER}totals.csv", {"days": "7"}).content.decode().splitlines()
    assert rows[0].startswith("day,feature,model,calls,errors")
    assert len(rows) == 3


def test_a_period_that_does_not_exist_is_thirty_days(alice: Member, signed_in: SignIn) -> None:
    body = signed_in(alice).get(f"{LEDGER}totals/", {"days": "9' OR 1=1"}).content.decode()
    assert "last 30 days</b>" in body


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://api.openai.com/v1", True),
        ("http://ollama:11434/v1", True),
        ("http://[::1]:8000", True),
        ("ftp://models.example/v1", False),
        ("https://user:password@models.example/v1", False),
        ("https://models.example/v1?key=1", False),
        ("https://models.example:port/v1", False),
        ("models.example", False),
        ("https://", False),
    ],
)
def test_an_address_is_plain_http(address: str, good: bool) -> None:
    assert is_api_address(address) is good


def test_an_address_that_is_none_is_a_message(alice: Member, signed_in: SignIn) -> None:
    data = {"name": "Hosted", "base_url": "javascript:alert(1)", **NO_MODELS}
    answer = signed_in(alice).post(f"{PROVIDERS}add/", data)
    assert "Enter an address such as" in answer.content.decode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx"])
def test_a_spreadsheet_takes_no_model_name_for_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
