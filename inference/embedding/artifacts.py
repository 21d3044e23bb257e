"""Graphs built once per machine and kept in a folder, so that the next start only opens a file."""

from __future__ import annotations

import hashlib
import os
import tempfile
from functools import cache
from pathlib import Path

from inference.embedding.precision import GRAPH_VERSION, Precision
from inference.errors import EmbeddingModelUnavailable


def graph_file(model_path: Path, precision: Precision, folder: Path) -> Path:
    """The built graph's file, built now if it is not there yet (about a second, once).

    The name carries the weights' hash and the graph's version, so a changed model never meets an old graph.
    Two processes building at once do the same work twice; the rename is atomic.
    """
    path = folder / f"{weights_hash(model_path)}-v{GRAPH_VERSION}-{precision}.onnx"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _write_atomically(path, _built(model_path, precision))
    return path


@cache
def weights_hash(model_path: Path) -> str:
    """First 16 hex digits of the sha256 of the weights (90 MB: 60 ms, once per process)."""
    weights = model_path / "model.safetensors"
    if not weights.is_file():
        raise EmbeddingModelUnavailable(f"{weights} is missing")
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _built(model_path: Path, precision: Precision) -> bytes:
    # Only the first start needs ONNX's Python package (60 MB of memory): later ones never load it.
    from inference.embedding.bert_graph import build_graph

    serialised: bytes = build_graph(model_path, precision).SerializeToString()
    return serialised


def _write_atomically(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".building-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # also Ctrl-C: no half file is left behind
        Path(temporary).unlink(missing_ok=True)
        raise
