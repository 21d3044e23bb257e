"""A cross-encoder of this machine, by its path: `FOOTNOTE_RERANK_MODEL=/models/ms-marco-MiniLM-L6-v2`.

Importing this module costs nothing; the first call loads torch and the weights (some seconds, 400 MB and more), from
files alone: nothing is downloaded, and no code of the model's is run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.clock import Clock
from inference.errors import Cancelled, ModelUnavailable
from inference.providers.provider import ResolvedModel
from inference.reranking.reranker import Scored, in_place
from inference.types import Usage

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH = 16
SETTING = "FOOTNOTE_RERANK_MODEL"


class LocalCrossEncoder:
    """Loaded once, used by one thread at a time: torch's own threads share the work of a batch."""

    # Small, so that a stop is noticed between two of them.
    batch = BATCH

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        self._loaded: CrossEncoder | None = None

    def score(
        self, query: str, documents: Sequence[str], model: ResolvedModel, clock: Clock
    ) -> Scored:
        """One batch. Raises ModelUnavailable."""
        with self._lock:
            if clock.stopped:
                raise Cancelled("the call was stopped by its asker")
            encoder = self._loaded = self._loaded or _load(self._path)
            pairs = [(query, document) for document in documents]
            raw = encoder.predict(
                pairs, activation_fn=_sigmoid(), batch_size=BATCH, show_progress_bar=False
            )
            lengths = encoder.tokenizer(pairs, truncation=True, verbose=False)["input_ids"]
        scores = in_place(dict(enumerate(raw.tolist())), len(documents))
        return Scored(scores, Usage(prompt_tokens=sum(map(len, lengths))))


def _load(path: Path) -> CrossEncoder:
    if not path.is_dir():
        raise ModelUnavailable(f"{SETTING}={path}: there is no such folder")
    try:
        # The reason for an import here: torch takes seconds and most processes never rerank by themselves.
        from sentence_transformers import CrossEncoder

        encoder: CrossEncoder = CrossEncoder(
            str(path), device="cpu", local_files_only=True, trust_remote_code=False
        )
    except (ImportError, OSError, ValueError, KeyError) as error:
        raise ModelUnavailable(f"{SETTING}={path}: {error}"[:300]) from error
    labels = encoder.num_labels
    if labels != 1:
        raise ModelUnavailable(f"{SETTING}={path}: gives {labels} numbers per pair, expected one")
    return encoder


def _sigmoid() -> Callable[..., Any]:
    import torch  # as above: only once the model is loaded

    return torch.nn.Sigmoid()
