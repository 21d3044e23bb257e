"""Token counts, prices and encrypted keys."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
import tiktoken_ext.openai_public as published
from pytest_django import Settings

from inference import tokens
from inference.encryption import decrypt, encrypt, rotate
from inference.errors import EncryptionError
from inference.prices import Prices, cost_of
from inference.types import Message, Usage

OPENAI = "https://api.openai.com/v1"


def test_tokens_are_those_of_o200k(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pattern and special tokens as tiktoken has them; the ranks are held by their checksum."""
    monkeypatch.setattr(published, "load_tiktoken_bpe", lambda *_, **known: known["expected_hash"])
    theirs = published.o200k_base()
    assert theirs["mergeable_ranks"] == tokens.RANKS_SHA256
    assert theirs["pat_str"] == tokens.SPLIT_PATTERN
    assert theirs["special_tokens"] == tokens.SPECIAL_TOKENS


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("hello world", 2),
        ("Footnote answers questions.", 5),
        ("<|endoftext|>", 7),
        ("🙂", 1),
    ],
)
def test_known_texts_have_known_counts(text: str, count: int) -> None:
    assert tokens.count_text(text) == count


def test_a_prompt_counts_its_format() -> None:
    assert tokens.count_messages([Message("user", "hello world")]) == 2 + 1 + 3 + 3


def test_counting_needs_no_network() -> None:
    script = (
        "import socket\n"
        "def refuse(*_): raise AssertionError('the network was touched')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from inference.tokens import count_text\n"
        "print(count_text('hello world'))"
    )
    path = {"PYTHONPATH": ":".join(sys.path), "TIKTOKEN_CACHE_DIR": ""}
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=path
    )
    assert ran.stdout.strip() == "2"


def test_published_prices_hold_unless_the_row_has_its_own() -> None:
    usage = Usage(1_000_000, 1_000_000, 400_000)
    assert cost_of(usage, model="gpt-4o-mini", base_url=OPENAI, prices=Prices()) == Decimal("0.72")
    own = Prices(Decimal(1), Decimal("0.5"), Decimal(2))
    assert cost_of(usage, model="gpt-4o-mini", base_url=OPENAI, prices=own) == Decimal("2.8")


def test_a_vendors_model_has_its_price_behind_a_proxy_too() -> None:
    usage = Usage(1_000_000, 0)
    behind = cost_of(
        usage, model="gpt-4o-mini", base_url="http://127.0.0.1:4000/v1", prices=Prices()
    )
    assert behind == Decimal("0.15")


def test_an_open_model_at_home_costs_nothing() -> None:
    usage = Usage(1_000_000, 1_000_000)
    for name in ("llama3.2", "qwen3:8b", "no-such-model"):
        assert (
            cost_of(usage, model=name, base_url="http://127.0.0.1:11434/v1", prices=Prices()) == 0
        )


def test_money_is_exact_to_the_ledgers_last_digit() -> None:
    third = Prices(Decimal("0.333333"), None, Decimal("0.1"))
    assert cost_of(Usage(1, 1), model="m", base_url="", prices=third) == Decimal("0.00000043")


def test_a_key_is_stored_unreadable_and_read_again(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["first-key"]
    stored = encrypt("sk-secret")
    assert b"sk-secret" not in stored
    assert decrypt(stored) == "sk-secret"
    assert decrypt(memoryview(stored)) == "sk-secret"
    assert (encrypt(""), decrypt(b"")) == (b"", "")


def test_keys_rotate(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["old"]
    stored = encrypt("sk-secret")
    settings.ENCRYPTION_KEYS = ["new", "old"]
    assert decrypt(stored) == "sk-secret"
    moved = rotate(stored)
    settings.ENCRYPTION_KEYS = ["new"]
    assert decrypt(moved) == "sk-secret"
    with pytest.raises(EncryptionError, match="FOOTNOTE_ENCRYPTION_KEYS"):
        decrypt(stored)
