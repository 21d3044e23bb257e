"""Embedding on ONNX Runtime: no torch, one text per run, texts spread over threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from inference.embedding.embedder import Encoded, FloatArray, checked_texts, checked_vectors
from inference.embedding.tokenizing import load_tokenizer, max_tokens
from inference.embedding.vocabulary import share_known_to

# A third of the share of a processor that others get, while they want it: on a busy machine batches still come along.
NICENESS = 5


@dataclass(frozen=True)
class _Tokenised:
    ids: list[list[int]]
    truncated: int


class OnnxEmbedder:
    """A sentence encoder whose graph takes one unpadded text.

    Parallelism is over texts, each on one thread, because that needs no synchronisation inside a text and
    leaves no spinning threads behind. A single text (a query) runs in the caller's own thread, before
    batches.
    """

    def __init__(self, graph: Path, model_path: Path, *, name: str, threads: int) -> None:
        self.name = name
        self.max_tokens = max_tokens(model_path)
        self._tokenizer = load_tokenizer(model_path)
        self._session = open_session(graph)
        self.dimensions = int(self._session.get_outputs()[0].shape[1])
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Vectors with token counts. Raises EmbeddingInputError, InvalidVectors."""
        tokenised = tokenise(self._tokenizer, checked_texts(texts), self.max_tokens)
        raw = self._run_all(tokenised.ids)
        vectors = checked_vectors(
            raw, count=len(texts), dimensions=self.dimensions, model=self.name
        )
        return Encoded(vectors, sum(map(len, tokenised.ids)), tokenised.truncated)

    def embed(self, texts: Sequence[str]) -> FloatArray:
        return self.encode(texts).vectors

    def known_share(self, text: str) -> float:
        return share_known_to(self._tokenizer, text)

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None

    def _run_all(self, ids: list[list[int]]) -> FloatArray:
        if not ids:
            return np.empty((0, self.dimensions), np.float32)
        if len(ids) == 1 or self._threads == 1:
            return np.concatenate([self._run(one) for one in ids])
        # Longest first, so that no thread is left with a long text when the others are done.
        order = sorted(range(len(ids)), key=lambda index: -len(ids[index]))
        done = self._executor().map(lambda index: self._run(ids[index]), order)
        vectors = np.empty((len(ids), self.dimensions), np.float32)
        for index, vector in zip(order, done, strict=True):
            vectors[index] = vector[0]
        return vectors

    def _run(self, ids: list[int]) -> FloatArray:
        output: FloatArray = self._session.run(None, {"input_ids": np.array([ids], np.int64)})[0]
        return output

    def _executor(self) -> ThreadPoolExecutor:
        # Made at first use, so that a process forked before has threads of its own.
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    self._threads, thread_name_prefix="embed", initializer=give_way
                )
            return self._pool


def give_way() -> None:
    """Let everything else on the machine go first: batches can wait, and whoever has sent a single text cannot.

    Linux keeps the priority of each thread by itself, so the rest of the process stays as it is.
    """
    os.nice(NICENESS)


def open_session(graph: Path) -> onnxruntime.InferenceSession:
    """One thread per run.

    The graph is fused by hand already: the extended optimisations would only undo that.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def tokenise(tokenizer: Tokenizer, texts: list[str], limit: int) -> _Tokenised:
    """Ids per text, cut to `limit` with the closing special token kept, and how many were cut."""
    encodings = tokenizer.encode_batch_fast(texts)
    ids = [encoding.ids for encoding in encodings]
    cut = [one if len(one) <= limit else [*one[: limit - 1], one[-1]] for one in ids]
    return _Tokenised(cut, sum(len(one) > limit for one in ids))
