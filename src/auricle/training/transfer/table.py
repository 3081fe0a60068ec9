"""What was measured: a row a method and number of shots, with intervals over source clips; as text, JSON and a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.errors import UsageError
from auricle.results import Failure
from auricle.training.transfer.decision import Floats
from auricle.training.transfer.task import ALL

ROUNDS = 200  # of the bootstrap of mAP, which is a whole ranking a round and draw


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the table. ``accuracy``: the mean over draws of the shots, with its 95 % interval ``low`` to ``high``, bootstrapped over
    the source clips of the test sounds; ``spread``: the standard deviation over draws (None: one draw).

    map, map_low, map_high: mean average precision, where a sound may have several of the labels; accuracy then is how often the best
    label is one of them. ``shots`` 0: nothing was learned. ``missing``: why there is no number.
    """

    method: str
    shots: int | str
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    map: float | None = None
    map_low: float | None = None
    map_high: float | None = None
    n: int = 0  # test sounds
    clips: int = 0  # their source clips
    learned: float = 0.0  # sounds learned from, mean over draws
    draws: int = 0
    chosen: str = ""  # what the first draw chose within its shots
    missing: str = ""
    model: str = ""
    pipeline_id: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``saved``: the file or folder of what was kept; ``failures``: sounds that could not be heard."""

    model: str
    pipeline_id: str
    labels: tuple[str, ...]
    tested: str
    rows: tuple[Row, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = field(default=(), repr=False)
    saved: str = ""
    seconds: float = 0.0

    def as_document(self) -> dict[str, Any]:
        """What is told at the end, without the rows."""
        document = asdict(self)
        del document["rows"], document["failures"]
        return document

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draw accuracy over shots. Raises UsageError for a suffix that is no picture's, or without matplotlib."""
        return plot(self.rows, Path(path), f"{self.model}: {len(self.labels)} labels, {self.tested}")


def measured(
    drawn: Sequence[Floats], truth: npt.NDArray[np.int8], clips: Sequence[str], exclusive: bool, rounds: int = ROUNDS
) -> dict[str, Any]:
    """Numbers of a row from the scores ``[n, k]`` of each draw."""
    from auricle.evaluation.statistics import bootstrap, draws

    right = np.array([truth[np.arange(len(truth)), s.argmax(axis=1)] == 1 for s in drawn], np.float64)  # [draws, n]
    found = bootstrap(right.mean(axis=0), clusters=list(clips))
    spread = float(right.mean(axis=1).std(ddof=1)) if len(drawn) > 1 else None
    row: dict[str, Any] = {
        "accuracy": found.value, "low": found.low, "high": found.high, "spread": spread, "n": len(truth), "clips": len(set(clips)),
        "draws": len(drawn),
    }  # fmt: skip
    if not exclusive:
        counts = np.concatenate([np.ones((1, len(truth)), np.int64), draws(clips, rounds=rounds)])
        found_map = np.mean([mean_average_precision(s, truth, counts) for s in drawn], axis=0)
        row["map"], (row["map_low"], row["map_high"]) = float(found_map[0]), map(float, np.nanpercentile(found_map[1:], [2.5, 97.5]))
    return row


def mean_average_precision(scores: Floats, truth: npt.NDArray[np.int8], counts: npt.NDArray[np.int64]) -> Floats:
    """Mean over labels of average precision, for each row of ``counts`` [rounds, n]: how often each sound is drawn. ``[rounds]``

    What nobody knows (−1) is left out, as is a label that no drawn sound has.
    """
    columns = [
        average_precision(scores[k, c], truth[k, c] == 1, counts[:, k]) for c in range(truth.shape[1]) if (k := truth[:, c] >= 0).any()
    ]
    every = np.stack(columns)
    known = ~np.isnan(every)
    return np.asarray(np.where(known, every, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), np.float64)


def average_precision(scores: Floats, true: npt.NDArray[np.bool_], counts: npt.NDArray[np.int64]) -> Floats:
    """Σ (Rᵢ − Rᵢ₋₁)·Pᵢ over the thresholds, as scikit-learn's, of every row of ``counts`` at once; NaN where nothing true was drawn."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # equal scores are one threshold
    drawn = counts[:, order]
    hits, seen = np.cumsum(drawn * true[order], axis=1)[:, ends], np.cumsum(drawn, axis=1)[:, ends]
    gained = np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore"):
        return np.asarray((gained * hits / np.maximum(seen, 1)).sum(axis=1) / hits[:, -1], np.float64)


# ---------------------------------------------------------------------------------------------------------------- a picture


def check_picture(path: Path) -> None:
    """Raises UsageError before anything is measured."""
    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise UsageError(f"{path}: no picture is called that.", hint="Its name ends with .png, .svg or .pdf.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.absolute().parent} for the picture.", hint="Make it first.")
    from importlib.util import find_spec

    try:
        there = find_spec("matplotlib") is not None
    except ValueError:  # blocked
        there = False
    if not there:
        raise UsageError("a picture needs matplotlib, which is not installed.", hint='Install it with: pip install "auricle[train]"')


def plot(rows: Sequence[Row], path: Path, title: str) -> Path:
    check_picture(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    told = [row for row in rows if row.accuracy is not None]
    numbers = sorted({row.shots for row in told if isinstance(row.shots, int) and row.shots > 0})
    everything: list[int | str] = [ALL] if any(row.shots == ALL for row in told) else []
    places: dict[int | str, int] = {shots: i for i, shots in enumerate([*numbers, *everything])}
    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number, method in enumerate(dict.fromkeys(row.method for row in told)):
        own = [row for row in told if row.method == method]
        colour = f"C{number % 10}"
        means, lows, highs = (np.array([getattr(row, name) for row in own], np.float64) for name in ("accuracy", "low", "high"))
        if own[0].shots == 0:
            axes.axhline(float(means[0]), label=method, color=colour, linestyle="--")
            continue
        x = [places[row.shots] for row in own]
        axes.plot(x, means, label=method, color=colour, marker="o")
        axes.fill_between(x, lows, highs, color=colour, alpha=0.12)
    axes.set(xlabel="shots a label", ylabel="accuracy", ylim=(0, 1), title=title)
    axes.set_xticks(list(places.values()), [str(shots) for shots in places])
    axes.legend()
    staging = path.with_name(f".auricle-{os.getpid()}-{path.name}")
    try:
        figure.savefig(staging, dpi=110, format=path.suffix[1:].lower())
        os.replace(staging, path)
    finally:
        staging.unlink(missing_ok=True)
    return path
