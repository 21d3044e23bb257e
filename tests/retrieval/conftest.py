"""Acme's and Globex's corpora, in the same words."""

import pytest

from tenants.models import Tenant
from tests.retrieval.corpus import Corpus


@pytest.fixture
def acme_corpus(acme: Tenant) -> Corpus:
    return Corpus(acme)


@pytest.fixture
def globex_corpus(globex: Tenant) -> Corpus:
    return Corpus(globex)
