"""Train the injection guard's weights, and measure them: ``python benchmarks/train_injection.py [--measure]``.

Needs the shared data and scikit-learn (which sentence-transformers brings). Without ``--measure`` it writes
``inference/guards/data/injection.npz`` from everything. With it, it writes nothing and measures by nested
cross-validation: five outer folds, grouped so that no template and no document is on both sides; in each the weights
and both thresholds are made from the other four (the thresholds on inner folds of those), and what they say of the
fifth is counted once. ``C`` and the kinds of features were chosen beforehand by plain cross-validation on the same
data.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

import numpy as np  # noqa: E402
from scipy.sparse import csr_matrix, vstack  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import StratifiedGroupKFold  # noqa: E402

from benchmarks.injection_data import (  # noqa: E402
    ATTACKS,
    COMMANDS,
    GRAMMAR,
    HOSTS,
    NOTICES,
    ORDINARY,
    OWN_ATTACKS,
    OWN_HARMLESS,
    PROMPTS,
    Sample,
    messages,
    passages,
    planted,
)
from inference.guards.features import DIMENSIONS, read  # noqa: E402
from inference.guards.injection import windows  # noqa: E402

TARGET = ROOT / "inference" / "guards" / "data" / "injection.npz"
SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
# What is allowed on inner folds: of harmless prompts, other messages, clean passages, and prompts planted in passages.
ALARMS_PROMPTS, ALARMS_MESSAGES = 0.0125, 0.005
ALARMS_PASSAGES, ALARMS_PLANTED = 0.01, 0.02
# Inner folds learn from half, and see fewer alarms than there are: with this on top, under 1 % of clean passages.
MARGIN = 0.3
PLANTED = (ATTACKS, OWN_ATTACKS, GRAMMAR, PROMPTS, OWN_HARMLESS, ORDINARY, COMMANDS, NOTICES)
# Made to look like attacks, or hostile by purpose: measured and learned from, but no threshold is set by them.
LOOKALIKES, HOSTILE = (OWN_HARMLESS, ORDINARY, COMMANDS, NOTICES), "commonmark"
C = 30.0
# What an attack by grammar weighs beside one that somebody wrote: there are many, and they are much alike.
BY_GRAMMAR = 0.3
# Of the windows of each source's clean passages, so many are learned from; and, in a second round, this share of all of
# them that the first took for attacks most.
MOST_WINDOWS, HARDEST = 4000, 0.03
FOLDS, INNER = 5, 2
WORKERS = 2


def _parts(text: str) -> list[tuple[np.ndarray, float]]:
    return [(found.astype(np.int32), value) for found, value in read(text).parts()]


def rows_of(texts: Sequence[str]) -> csr_matrix:
    places, values, ends = [], [], [0]
    with get_context("fork").Pool(WORKERS) as pool:
        every = pool.map(_parts, texts, chunksize=200)
    for parts in every:
        for found, value in parts:
            places.append(found)
            values.append(np.full(len(found), value, np.float32))
        ends.append(ends[-1] + sum(len(one) for one in places[-2:]))
    shape = (len(texts), DIMENSIONS)
    return csr_matrix((np.concatenate(values), np.concatenate(places), ends), shape)


@dataclass
class Parts:
    """Windows as rows; ``owner`` says of which text each one is."""

    rows: csr_matrix
    owner: np.ndarray

    def of(self, texts: np.ndarray) -> np.ndarray:
        return np.flatnonzero(np.isin(self.owner, texts))

    def highest(self, fitted: Fitted, texts: np.ndarray) -> np.ndarray:
        """Of each of these texts, its most suspicious window's score."""
        found = np.full(self.owner.max() + 1, -np.inf)
        np.maximum.at(found, self.owner, fitted.scores(self.rows))
        return found[texts]


@dataclass
class Data:
    """Messages as rows; clean passages and messages planted in them (by the messages' numbers) as windows."""

    told: list[Sample]
    rows: csr_matrix
    clean: list[Sample]
    windows: Parts
    planted: Parts
    attack: np.ndarray
    source: np.ndarray
    weight: np.ndarray


@dataclass
class Fitted:
    weights: np.ndarray
    scale: float
    bias: float
    threshold: float = 0.0

    def scores(self, rows: csr_matrix) -> np.ndarray:
        return np.asarray(rows @ (self.weights * self.scale)) + self.bias


def loaded() -> Data:
    told, clean = messages(SHARED), passages(SHARED, ROOT)
    hosts = [one.text for one in clean if one.source in HOSTS and len(one.text) > 500]
    chance = random.Random(3)  # noqa: S311 - the same places every time
    inside, owner = [], []
    for number, one in enumerate(told):
        if one.source in PLANTED:
            text, at = planted(one.text, chance.choice(hosts), chance)
            for start, end in windows(text):
                shared = min(end, at + len(one.text)) - max(start, at)
                if shared > min(len(one.text), end - start) / 2:
                    inside.append(text[start:end])
                    owner.append(number)
    parts = [[one.text[start:end] for start, end in windows(one.text)] for one in clean]
    every = [part for each in parts for part in each]
    return Data(
        told,
        rows_of([one.text for one in told]),
        clean,
        Parts(rows_of(every), np.repeat(np.arange(len(clean)), [len(part) for part in parts])),
        Parts(rows_of(inside), np.array(owner)),
        np.array([one.attack for one in told]),
        np.array([one.source for one in told]),
        np.array([BY_GRAMMAR if one.source == GRAMMAR else 1.0 for one in told]),
    )


def fit(rows: csr_matrix, attack: np.ndarray, weight: np.ndarray) -> Fitted:
    """Weights are rounded as they are shipped."""
    model = LogisticRegression(
        C=C, solver="liblinear", tol=1e-2, random_state=1, class_weight="balanced"
    ).fit(rows, attack, sample_weight=weight)
    scale = float(np.abs(model.coef_[0]).max() / 32767)
    weights = np.round(model.coef_[0] / scale).astype(np.int16)
    return Fitted(weights, scale, float(model.intercept_[0]))


def fit_message(data: Data, given: np.ndarray) -> Fitted:
    return fit(data.rows[given], data.attack[given], data.weight[given])


def fit_window(data: Data, given: np.ndarray, clean: np.ndarray) -> Fitted:
    """From messages, from the windows that they make in a passage, and from windows of clean passages."""
    inside, ours = data.planted.of(given), some_of_each(data, clean)
    first = fit_windows(data, given, inside, ours)
    every = data.windows.of(clean)
    scores = first.scores(data.windows.rows[every])
    hardest = every[scores > np.quantile(scores, 1 - HARDEST)]
    return fit_windows(data, given, inside, np.concatenate([ours, hardest]))


def fit_windows(data: Data, given: np.ndarray, inside: np.ndarray, ours: np.ndarray) -> Fitted:
    """``ours`` are clean windows, ``inside`` those of planted messages."""
    rows = vstack([data.rows[given], data.planted.rows[inside], data.windows.rows[ours]]).tocsr()
    owner = np.concatenate([given, data.planted.owner[inside]])
    return fit(
        rows,
        np.concatenate([data.attack[owner], np.zeros(len(ours), bool)]),
        np.concatenate([data.weight[owner], np.ones(len(ours))]),
    )


def some_of_each(data: Data, clean: np.ndarray) -> np.ndarray:
    """Windows of these passages; no source is drowned by a larger one."""
    mixed = np.random.default_rng(1).permutation(data.windows.of(clean))
    source = np.array([data.clean[n].source for n in data.windows.owner[mixed]])
    return np.concatenate([mixed[source == one][:MOST_WINDOWS] for one in np.unique(source)])


def with_thresholds(data: Data, given: np.ndarray, clean: np.ndarray) -> tuple[Fitted, Fitted]:
    """For messages and for windows, fitted on all of it; the thresholds on folds that their weights did not see."""
    scores, top = np.zeros(len(given)), np.zeros(len(clean))
    inside = np.full(len(given), -np.inf)
    for (learn, test), (learn_clean, test_clean) in zip(
        folds(data, given, INNER), halves(data, clean, INNER), strict=True
    ):
        scores[test] = fit_message(data, given[learn]).scores(data.rows[given[test]])
        inner = fit_window(data, given[learn], clean[learn_clean])
        top[test_clean] = data.windows.highest(inner, clean[test_clean])
        inside[test] = highest_planted(data, inner, given[test])
    message, window = fit_message(data, given), fit_window(data, given, clean)
    source = data.source[given]
    others = ~data.attack[given] & ~np.isin(source, (PROMPTS, *LOOKALIKES))
    plain = np.array([data.clean[n].source != HOSTILE for n in clean])
    message.threshold = max(
        float(np.quantile(scores[source == PROMPTS], 1 - ALARMS_PROMPTS)),
        float(np.quantile(scores[others], 1 - ALARMS_MESSAGES)),
    )
    window.threshold = MARGIN + max(
        float(np.quantile(top[plain], 1 - ALARMS_PASSAGES)),
        float(np.quantile(inside[source == PROMPTS], 1 - ALARMS_PLANTED)),
    )
    return message, window


def highest_planted(data: Data, fitted: Fitted, given: np.ndarray) -> np.ndarray:
    """Of each of these messages in its passage; minus infinity for what was not planted."""
    found = np.full(len(data.told), -np.inf)
    np.maximum.at(found, data.planted.owner, fitted.scores(data.planted.rows))
    return found[given]


def folds(data: Data, given: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    groups = np.array([data.told[n].group for n in given])
    made = StratifiedGroupKFold(count, shuffle=True, random_state=1)
    yield from made.split(np.zeros(len(given)), data.attack[given], groups)


def halves(data: Data, clean: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Folds of passages by document."""
    groups = sorted({data.clean[n].group for n in clean})
    random.Random(1).shuffle(groups)  # noqa: S311 - the same folds every time
    fold = {group: n % count for n, group in enumerate(groups)}
    mine = np.array([fold[data.clean[n].group] for n in clean])
    for number in range(count):
        yield np.flatnonzero(mine != number), np.flatnonzero(mine == number)


Flagged = list[tuple[str, bool]]
Split = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def measure(data: Data) -> None:
    every, clean = np.arange(len(data.told)), np.arange(len(data.clean))
    splits = zip(folds(data, every, FOLDS), halves(data, clean, FOLDS), strict=True)
    flagged: dict[str, list[bool]] = defaultdict(list)
    # The data is inherited, not sent: it is larger than a pipe is fast.
    _inherited.append(data)
    with get_context("fork").Pool(WORKERS) as pool:
        for told in pool.imap_unordered(measured, splits):
            for name, flag in told:
                flagged[name].append(flag)
    report(flagged)


_inherited: list[Data] = []


def measured(split: Split) -> Flagged:
    """What one outer fold's classifiers, made from the other folds, say of it."""
    (learn, test), (learn_clean, test_clean) = split
    data = _inherited[0]
    message, window = with_thresholds(data, learn, learn_clean)
    inside = highest_planted(data, window, test)
    flagged: Flagged = []
    for n, score, top in zip(test, message.scores(data.rows[test]), inside, strict=True):
        flagged.append((f"message: {data.source[n]}", score >= message.threshold))
        if data.source[n] in PLANTED:
            flagged.append((f"planted in a passage: {data.source[n]}", top >= window.threshold))
    for n, top in zip(test_clean, data.windows.highest(window, test_clean), strict=True):
        flagged.append((f"clean passage: {data.clean[n].source}", top >= window.threshold))
    return flagged


def report(flagged: dict[str, list[bool]]) -> None:
    for name in sorted(flagged):
        print(f"{name:45} {np.mean(flagged[name]):.4f} of {len(flagged[name])}")
    for kind in ("message", "clean passage"):
        harmless = [
            one
            for name, told in flagged.items()
            if name.startswith(kind) and "attack" not in name and ATTACKS not in name
            for one in told
        ]
        print(f"{kind}, all that is harmless: {np.mean(harmless):.4f} of {len(harmless)}")


def write(data: Data) -> None:
    message, window = with_thresholds(data, np.arange(len(data.told)), np.arange(len(data.clean)))
    held = {"message": message, "window": window}
    np.savez_compressed(
        TARGET,
        **{f"{name}_weights": one.weights for name, one in held.items()},
        **{
            f"{name}_{part}": np.float32(getattr(one, part))
            for name, one in held.items()
            for part in ("scale", "bias", "threshold")
        },
    )
    print(f"{len(data.told)} messages, {len(data.clean)} passages, {TARGET.stat().st_size:,} bytes")


def main() -> None:
    began = time.monotonic()
    data = loaded()
    (measure if "--measure" in sys.argv else write)(data)
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
