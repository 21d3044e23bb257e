"""The default embedding model: the right vectors, the same every time, and no torch where there must be none."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from inference.embedding import probing
from inference.embedding.artifacts import graph_file
from inference.embedding.embedder import Embedder, checked_vectors
from inference.embedding.loading import fits_graph, load_embedder, local_model
from inference.embedding.onnx_embedder import NICENESS, OnnxEmbedder
from inference.embedding.precision import Precision
from inference.embedding.sentence_transformer import SentenceTransformerEmbedder
from inference.embedding.tokenizing import default_model_path, load_tokenizer
from inference.errors import EmbeddingInputError, EmbeddingModelUnavailable, InvalidVectors

TEXTS = [
    "Employees get 25 days of paid leave every year.",
    "What does the plan cover?",
    "Ein Satz auf Deutsch; a table: 1 | 2 | 3.",
    "Leave is requested from the manager and recorded by payroll. " * 60,
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


def onnx(models: Path, precision: Precision) -> OnnxEmbedder:
    path = default_model_path()
    return OnnxEmbedder(graph_file(path, precision, models), path, name="minilm", threads=2)


@pytest.fixture(scope="module")
def exact(models: Path) -> Iterator[Embedder]:
    embedder = onnx(models, Precision.FP32)
    yield embedder
    embedder.close()


@pytest.fixture(scope="module")
def quick(models: Path) -> Iterator[Embedder]:
    embedder = onnx(models, Precision.INT8)
    yield embedder
    embedder.close()


def test_the_graph_is_the_model(exact: Embedder) -> None:
    """Against sentence-transformers, which is what the model was trained and published with."""
    reference = SentenceTransformerEmbedder(default_model_path(), name="reference")
    theirs, ours = reference.encode(TEXTS), exact.encode(TEXTS)
    assert np.sum(theirs.vectors * ours.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (ours.tokens, ours.truncated) == (theirs.tokens, theirs.truncated)
    assert (
        (exact.dimensions, exact.max_tokens)
        == (reference.dimensions, reference.max_tokens)
        == (384, 256)
    )


def test_int8_agrees_with_full_precision(exact: Embedder, quick: Embedder) -> None:
    texts = probing.probe_texts()
    cosines = np.sum(exact.embed(texts) * quick.embed(texts), axis=1)
    assert cosines.min() >= probing.LEAST_COSINE
    assert cosines.mean() >= probing.LEAST_MEAN_COSINE


@pytest.mark.parametrize("engine", ["exact", "quick"])
def test_a_vector_does_not_depend_on_its_neighbours(
    engine: str, request: pytest.FixtureRequest
) -> None:
    embedder: Embedder = request.getfixturevalue(engine)
    together = embedder.embed(TEXTS)
    alone = np.concatenate([embedder.embed([text]) for text in TEXTS])
    assert np.array_equal(together, alone)
    assert np.array_equal(together, embedder.embed(TEXTS[::-1])[::-1])


def test_vectors_are_unit_float32(quick: Embedder) -> None:
    vectors = quick.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)
    assert quick.embed([]).shape == (0, 384)


def test_what_does_not_fit_is_counted(quick: Embedder) -> None:
    encoded = quick.encode(TEXTS)
    assert encoded.truncated == 1
    lengths = [len(load_tokenizer(default_model_path()).encode(text).ids) for text in TEXTS]
    assert encoded.tokens == sum(min(length, 256) for length in lengths)


def test_threads_may_share_an_embedder(quick: Embedder) -> None:
    expected = quick.embed(TEXTS)
    same: list[bool] = []

    def work() -> None:
        same.extend(np.array_equal(quick.embed(TEXTS), expected) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 12


def test_batches_give_way_and_a_single_text_does_not(models: Path) -> None:
    """Linux keeps the priority of each thread: those that work batches off have a lower one, and nobody else."""
    embedder = onnx(models, Precision.INT8)
    before, own = embed_threads(), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    embedder.embed(["one"])
    assert embed_threads() <= before, "in the caller's own thread"
    embedder.embed(["one", "two", "three", "four"])
    workers = embed_threads() - before
    assert workers
    lower = min(own + NICENESS, 19)
    assert {os.getpriority(os.PRIO_PROCESS, one) for one in workers} == {lower}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own
    embedder.close()


def embed_threads() -> set[int]:
    found = (one for one in threading.enumerate() if one.name.startswith("embed"))
    return {one.native_id for one in found if one.native_id}


@pytest.mark.parametrize("texts", [["fine", "lone \ud800 surrogate"], ["fine", None], "one string"])
def test_what_is_no_text_is_refused_by_name(quick: Embedder, texts: list[str]) -> None:
    with pytest.raises(EmbeddingInputError, match="texts"):
        quick.embed(texts)


def test_odd_texts_have_vectors(quick: Embedder) -> None:
    vectors = quick.embed(["", " ", "\x00", "🙂" * 400, "a" * 5000, "\u202eright to left"])
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_broken_vectors_are_errors(value: float) -> None:
    vectors = np.ones((2, 3), np.float32)
    vectors[1] = value
    with pytest.raises(InvalidVectors, match="text 1"):
        checked_vectors(vectors, count=2, dimensions=3, model="m")
    with pytest.raises(InvalidVectors, match="shape"):
        checked_vectors(vectors, count=2, dimensions=4, model="m")


def test_the_tokenizer_neither_cuts_nor_pads() -> None:
    """The model's own file says: cut at 128, pad to 128."""
    tokenizer = load_tokenizer(default_model_path())
    assert len(tokenizer.encode("leave " * 1000).ids) == 1002
    assert len(tokenizer.encode("leave").ids) == 3


def test_a_graph_is_built_once(models: Path) -> None:
    path = graph_file(default_model_path(), Precision.INT8, models)
    built = path.stat().st_mtime_ns
    assert graph_file(default_model_path(), Precision.INT8, models).stat().st_mtime_ns == built
    assert not list(models.glob(".building-*"))


def test_the_first_start_measures_and_remembers(models: Path) -> None:
    model = local_model("minilm", models, threads=1)
    first = load_embedder(model)
    (kept,) = models.glob("*-engine-*.json")
    choice = kept.read_text()
    assert '"onnx-fp32"' in choice
    assert first.name == "all-MiniLM-L6-v2"
    load_embedder(model)
    assert kept.read_text() == choice
    kept.write_text("{ torn")
    load_embedder(model)
    assert '"engine"' in kept.read_text()


def test_an_engine_that_disagrees_is_never_chosen(exact: Embedder) -> None:
    class Wrong:
        """Very fast, and wrong."""

        def embed(self, texts: list[str]) -> np.ndarray:
            return np.eye(len(texts), 384, dtype=np.float32)

        def close(self) -> None: ...

    engine, probes = probing.fastest({"exact": lambda: exact, "wrong": Wrong})  # type: ignore[dict-item]
    assert engine == "exact"
    assert probes[1].rate > probes[0].rate
    assert not probes[1].agrees


@pytest.mark.parametrize(
    ("setting", "engine", "message"),
    [
        ("/no/such/folder", "auto", "not a folder"),
        (
            "minilm",
            "onnx-int4",
            "FOOTNOTE_EMBEDDING_ENGINE='onnx-int4' is not one of auto, onnx-fp32",
        ),
    ],
)
def test_a_wrong_setting_is_named(models: Path, setting: str, engine: str, message: str) -> None:
    with pytest.raises(EmbeddingModelUnavailable, match=message):
        load_embedder(local_model(setting, models, engine=engine))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "models"
    occupied.write_text("a file where a folder should be")
    with pytest.raises(EmbeddingModelUnavailable, match="cannot be kept in"):
        load_embedder(local_model("minilm", occupied))


def test_other_models_are_left_to_sentence_transformers(tmp_path: Path) -> None:
    assert fits_graph(default_model_path())
    (tmp_path / "config.json").write_text('{"model_type": "mpnet"}')
    assert not fits_graph(tmp_path)


def test_embedding_loads_neither_torch_nor_the_graph_builder(models: Path) -> None:
    """What the web process does for a query, once the graph is there."""
    graph_file(default_model_path(), Precision.INT8, models)
    script = (
        "import sys; from pathlib import Path; from inference.embedding.loading import *;"
        f"e = load_embedder(local_model('minilm', Path({str(models)!r}), engine='onnx-int8'));"
        "e.embed(['a query']);"
        "print([name for name in ('torch', 'transformers', 'onnx') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
