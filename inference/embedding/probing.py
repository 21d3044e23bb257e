"""Which engine is fastest here, among those whose vectors agree with full precision.

Processors differ by an order of magnitude in int8 and bfloat16, and some saturate int8 sums and get them
wrong, so it is measured at first start and remembered per processor. Entry point: `fastest`.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.embedding.embedder import Embedder, FloatArray

# Measured with int8 on SciFact: mean 0.995, worst 0.989, and nDCG@10 unchanged. Int8 that saturates stays
# below 0.97.
LEAST_MEAN_COSINE = 0.99
LEAST_COSINE = 0.975
# A slower engine must not win by noise over a more exact one: the list is in order of exactness, last the
# least exact.
LEAST_GAIN = 1.15
ROUNDS = 5

_SENTENCE = (
    "Section {n}: the employee handbook describes how {n} days of paid leave are requested, approved by the manager of "
    "department {n}, recorded in the payroll system before the {n}th of the month, and carried over to the next year. "
)


@dataclass(frozen=True)
class Probe:
    """One engine's rate in texts of full length per second of processor time, and its worst and mean
    cosine to the reference.
    """

    engine: str
    rate: float
    least_cosine: float
    mean_cosine: float

    @property
    def agrees(self) -> bool:
        return self.least_cosine >= LEAST_COSINE and self.mean_cosine >= LEAST_MEAN_COSINE


def probe_texts() -> list[str]:
    """Texts that fill the model's window, some plain and some of figures."""
    return [_SENTENCE.format(n=n) * 8 for n in (2, 17, 365)] + ["0.25 1984 -> 3,141.59 USD; " * 60]


def measure(engine: str, embedder: Embedder, reference: FloatArray) -> Probe:
    """Best of a few rounds: noise only ever makes a round slower. About 0.5 s."""
    texts = probe_texts()
    vectors = embedder.embed(texts)
    cosines = np.sum(vectors * reference, axis=1)
    seconds = min(_seconds(lambda: embedder.embed(texts)) for _ in range(ROUNDS))
    return Probe(engine, len(texts) / seconds, float(cosines.min()), float(cosines.mean()))


def _seconds(work: Callable[[], object]) -> float:
    """Of all threads of this process: by the clock a machine that is busy with other things once chose the
    slower engine, and the choice is kept.
    """
    start = time.process_time()
    work()
    return time.process_time() - start


def fastest(engines: Mapping[str, Callable[[], Embedder]]) -> tuple[str, list[Probe]]:
    """The engine to use, and all measurements.

    The first of `engines` is the reference and always agrees.
    """
    probes: list[Probe] = []
    reference: FloatArray | None = None
    for engine, build in engines.items():
        embedder = build()
        if reference is None:
            reference = embedder.embed(probe_texts())
        probes.append(measure(engine, embedder, reference))
        embedder.close()
    return _best(probes), probes


def _best(probes: list[Probe]) -> str:
    best = probes[0]
    for probe in probes[1:]:
        if probe.agrees and probe.rate > best.rate * LEAST_GAIN:
            best = probe
    return best.engine


def remembered(path: Path, choose: Callable[[], tuple[str, list[Probe]]], engines: set[str]) -> str:
    """The choice kept in `path`, or a new one, kept there. An unreadable file is measured anew."""
    try:
        engine = str(json.loads(path.read_text())["engine"])
    except (OSError, ValueError, KeyError, TypeError):
        engine = ""
    if engine in engines:
        return engine
    engine, probes = choose()
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {"engine": engine, "probes": [vars(probe) for probe in probes]}
    path.write_text(json.dumps(kept, indent=2) + "\n")
    return engine


def processor_key(*versions: str) -> str:
    """A name for this processor and these versions: a new one of either is measured anew."""
    text = "|".join([platform.machine(), *sorted(processor_flags()), *versions])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def processor_flags() -> frozenset[str]:
    """The processor's features as Linux lists them; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(flags.partition(":")[2].split())
