"""What tests of answering share."""

import pytest

from inference.encryption import encrypt
from inference.models import Model, Provider
from tests.cast import Member
from tests.fakes.model_server import ModelServer
from tests.library import Library


@pytest.fixture
def scripted(alice: Member, acme_library: Library, model_server: ModelServer) -> ModelServer:
    """Acme's default model is the fake server."""
    with alice.scope():
        provider = Provider.objects.create(
            name="fake", base_url=model_server.base_url, encrypted_key=encrypt("sk-1")
        )
        Model.objects.create(
            provider=provider, name="fake-model", is_default=True, input_price=1, output_price=2
        )
    return model_server
