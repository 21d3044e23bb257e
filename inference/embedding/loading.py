"""From a setting to a loaded embedder. Entry point: `load_embedder`.

`minilm` is the default model from its package; `openai:NAME` an endpoint's model (built in
`inference.clients`, which owns connections); anything else the path of a sentence-transformers folder. BERT
encoders with mean pooling run on ONNX, all others on torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from inference.embedding import probing
from inference.embedding.artifacts import graph_file, weights_hash
from inference.embedding.embedder import Embedder
from inference.embedding.onnx_embedder import OnnxEmbedder
from inference.embedding.precision import GRAPH_VERSION, Precision
from inference.embedding.sentence_transformer import SentenceTransformerEmbedder
from inference.embedding.tokenizing import DEFAULT_NAME, default_model_path
from inference.errors import EmbeddingModelUnavailable

DEFAULT_SETTING = "minilm"
AUTO = "auto"
TORCH_BF16 = "torch-bf16"


@dataclass(frozen=True)
class LocalModel:
    """A model in a folder, and how to run it. `folder` keeps built graphs and the probe's result."""

    path: Path
    name: str
    folder: Path
    threads: int
    engine: str = AUTO
    allow_torch: bool = False
    """Whether this process may load torch to try it: a worker may, the web process must not."""


def local_model(
    setting: str, folder: Path, *, threads: int = 0, engine: str = AUTO, allow_torch: bool = False
) -> LocalModel:
    """What `minilm` or a path stands for. `threads` 0: as many as this process may use."""
    default = setting == DEFAULT_SETTING
    path = default_model_path() if default else Path(setting)
    name = DEFAULT_NAME if default else path.name
    count = threads or len(os.sched_getaffinity(0))
    return LocalModel(path, name, folder, count, engine, allow_torch)


def load_embedder(model: LocalModel) -> Embedder:
    """The embedder, on the fastest engine that agrees. Raises EmbeddingModelUnavailable.

    Cost: 0.1 s; at the first start on a machine some 3 s more, to build the graphs and probe the engines.
    """
    if not fits_graph(model.path):
        return SentenceTransformerEmbedder(model.path, name=model.name)
    engines = _engines(model)
    try:
        return engines[_engine(model, engines)]()
    except OSError as error:
        raise EmbeddingModelUnavailable(
            f"the embedding model's graph cannot be kept in {model.folder}: {error}"
        ) from error


def fits_graph(path: Path) -> bool:
    """Whether the folder holds what `bert_graph` builds: BERT with GELU, mean pooling, normalised."""
    try:
        config = json.loads((path / "config.json").read_text())
        modules = [
            entry["type"].rpartition(".")[2]
            for entry in json.loads((path / "modules.json").read_text())
        ]
        pooling = json.loads((path / "1_Pooling" / "config.json").read_text())
    except FileNotFoundError as error:
        if not path.is_dir():
            raise EmbeddingModelUnavailable(
                f"FOOTNOTE_EMBEDDING_MODEL: {path} is not a folder"
            ) from error
        return False
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and modules == ["Transformer", "Pooling", "Normalize"]
        and [name for name, on in pooling.items() if on is True] == ["pooling_mode_mean_tokens"]
        and (path / "model.safetensors").is_file()
    )


def _engine(model: LocalModel, engines: Mapping[str, Callable[[], Embedder]]) -> str:
    if model.engine == AUTO:
        return _remembered_engine(model, engines)
    if model.engine not in engines:
        known = ", ".join([AUTO, *engines])
        raise EmbeddingModelUnavailable(
            f"FOOTNOTE_EMBEDDING_ENGINE={model.engine!r} is not one of {known}"
        )
    return model.engine


def _remembered_engine(model: LocalModel, engines: Mapping[str, Callable[[], Embedder]]) -> str:
    """Probed once per processor, model and set of engines.

    Torch is tried only where it has a chance: with AMX.
    """
    tried = {
        engine: build
        for engine, build in engines.items()
        if engine != TORCH_BF16 or (model.allow_torch and "amx_bf16" in probing.processor_flags())
    }
    key = probing.processor_key(
        onnxruntime.__version__, str(GRAPH_VERSION), str(model.threads), *tried
    )
    path = model.folder / f"{weights_hash(model.path)}-engine-{key}.json"
    return probing.remembered(path, lambda: probing.fastest(tried), set(tried))


def _engines(model: LocalModel) -> dict[str, Callable[[], Embedder]]:
    """Most exact first: the order that probing relies on."""
    return {
        "onnx-fp32": lambda: _onnx(model, Precision.FP32),
        TORCH_BF16: lambda: SentenceTransformerEmbedder(model.path, name=model.name, bfloat16=True),
        "onnx-int8": lambda: _onnx(model, Precision.INT8),
    }


def _onnx(model: LocalModel, precision: Precision) -> Embedder:
    graph = graph_file(model.path, precision, model.folder)
    return OnnxEmbedder(graph, model.path, name=model.name, threads=model.threads)
