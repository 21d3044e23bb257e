"""Any sentence-transformers model by its path, on torch: for models that the ONNX graph does not fit.

Importing this module costs nothing; making the embedder loads torch (some 4 s, 400 MB).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from inference.embedding.embedder import Encoded, FloatArray, checked_texts, checked_vectors
from inference.embedding.vocabulary import share_known_to
from inference.errors import EmbeddingModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BATCH = 32


class SentenceTransformerEmbedder:
    """`bfloat16` halves the work on processors with AMX and is slower than it looks elsewhere: probe it."""

    def __init__(self, path: Path, *, name: str, bfloat16: bool = False) -> None:
        self.name = name
        self._model = load_model(path, bfloat16=bfloat16)
        self.max_tokens = int(self._model.max_seq_length or 512)
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        # torch's own threads share one text's work; two callers at once would only fight over them.
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors with token counts. Raises EmbeddingInputError, InvalidVectors."""
        checked = checked_texts(texts)
        if not checked:
            return Encoded(np.empty((0, self.dimensions), np.float32), 0, 0)
        with self._lock:
            tensor = self._model.encode(
                checked, batch_size=BATCH, convert_to_tensor=True, show_progress_bar=False
            )
        raw = tensor.float().numpy()
        vectors = checked_vectors(
            raw, count=len(checked), dimensions=self.dimensions, model=self.name
        )
        lengths = [
            len(ids)
            for ids in self._model.tokenizer(checked, truncation=False, verbose=False)["input_ids"]
        ]
        counted = sum(min(length, self.max_tokens) for length in lengths)
        return Encoded(vectors, counted, sum(length > self.max_tokens for length in lengths))

    def embed(self, texts: Sequence[str]) -> FloatArray:
        return self.encode(texts).vectors

    def known_share(self, text: str) -> float:
        tokenizer = getattr(self._model.tokenizer, "backend_tokenizer", None)
        return share_known_to(tokenizer, text) if isinstance(tokenizer, Tokenizer) else 1.0

    def close(self) -> None:
        """Nothing to give back: torch's threads end with the process."""


def load_model(path: Path, *, bfloat16: bool) -> SentenceTransformer:
    """The model from local files only. Raises EmbeddingModelUnavailable."""
    # Loaded here and not above: the web process names this class but must never load torch for the default
    # model.
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer

    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    kwargs = {"torch_dtype": torch.bfloat16} if bfloat16 else {}
    try:
        return SentenceTransformer(
            str(path), device="cpu", local_files_only=True, model_kwargs=kwargs
        )
    except (OSError, ValueError) as error:
        raise EmbeddingModelUnavailable(
            f"{path} is not a sentence-transformers model: {error}"
        ) from error
