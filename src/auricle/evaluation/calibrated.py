"""Does a model's probability mean what it says? Labels in words, sounds that nothing was fitted on.

Each true label of a clip comes with ``FALSE_LABELS`` others that are certainly not heard in it: the base rate that calibrations assume.
Labels of one half of all names (:func:`auricle.evaluation.labelled.is_fitted`) may be fitted on; the row *labels not fitted* is of the
other half, and a calibration that was fitted on those, too, has no right to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auricle.evaluation.calibration import adaptive_ece, brier, reliability
from auricle.evaluation.heldout import Ears, HeldOut
from auricle.evaluation.labelled import is_fitted
from auricle.evaluation.score import How, Score, digest, measured
from auricle.evaluation.statistics import Counts, Floats
from auricle.models.heads import probabilities

FALSE_LABELS = 4
FEWEST = 2  # sources that a label needs
SEED = 0
ROUNDS = 500


@dataclass(frozen=True)
class Said:
    """What was said and is true of pairs of clip and label; ``row``: the clip of each. The statistic is of all drawn pairs together."""

    said: Floats
    true: npt.NDArray[np.bool_]
    row: npt.NDArray[np.intp]
    statistic: Callable[[Floats, npt.NDArray[np.bool_]], float]
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        drawn = np.repeat(np.arange(len(self.said)), counts[self.row])
        return float(self.statistic(self.said[drawn], self.true[drawn])) if len(drawn) else float("nan")


def calibration_scores(ears: Ears, held: HeldOut) -> Iterator[Score]:
    """Adaptive ECE and Brier score, over labels that were not fitted and over all. Nothing for a model without a calibration."""
    calibration = getattr(ears.model, "calibration", None)
    if calibration is None:
        return
    for name, fitted_too in (("labels not fitted", False), ("all labels", True)):
        pairs = _pairs(held, fitted_too)
        if pairs is None:
            continue
        items, labels, row, column, truth = pairs
        chosen = [held.items[i] for i in items]
        log_odds = calibration.log_odds(ears.vectors(held, chosen), ears.model.embed_text(labels))
        said = probabilities(log_odds)[row, column]
        rate = float(truth.mean())
        ids, sources = tuple(i.id for i in chosen), tuple(i.cluster for i in chosen)
        data = digest([ids, labels, row.tolist(), column.tolist(), truth.tolist()])
        told = f"{held.name}: {len(chosen)} clips of {len(set(sources))} sources, {len(labels)} labels, {len(truth)} pairs"
        bins = "; ".join(f"{b.said:.2f}→{b.true:.2f}" for b in reliability(said, truth, 5))
        for metric, statistic, nothing in (("adaptive ECE", adaptive_ece, 0.0), ("Brier score", brier, rate * (1 - rate))):
            details = {"labels": labels, "false labels": FALSE_LABELS, "bins": 15, "interval": "95 %, bootstrap over sources"}
            how = How(f"calibration, {name}", told, data, metric, details)
            sample = Said(said, truth, row, statistic, ids, sources)
            yield measured(
                f"{metric}, {name}", sample, how, ears.model, baselines={"always the base rate": nothing},
                notes=(f"said→true in fifths: {bins}",), rounds=ROUNDS,
            )  # fmt: skip


def _pairs(
    held: HeldOut, fitted_too: bool
) -> tuple[list[int], list[str], npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.bool_]] | None:
    """Which clips, labels, (clip, label) pairs and truths; None where there is too little. Drawn by SEED alone, not by the model."""
    shown = Counter(label for label, _ in {(label, i.cluster) for i in held.items for label in i.labels})
    labels = sorted(label for label, n in shown.items() if n >= FEWEST and (fitted_too or not is_fitted(label)))
    rng = np.random.default_rng(SEED)
    items: list[int] = []
    row: list[int] = []
    column: list[int] = []
    truth: list[bool] = []
    for number, item in enumerate(held.items):
        true = [k for k, label in enumerate(labels) if label in item.labels]
        known = {*item.labels, *item.extra.get("perhaps", ())}
        false = [k for k, label in enumerate(labels) if label not in known]
        if not true or not false:
            continue
        some = rng.choice(false, min(len(false), FALSE_LABELS * len(true)), replace=False).tolist()
        row += [len(items)] * (len(true) + len(some))
        column += [*true, *some]
        truth += [True] * len(true) + [False] * len(some)
        items.append(number)
    if len(labels) < 2 or not items:
        return None
    return items, labels, np.array(row, dtype=np.intp), np.array(column, dtype=np.intp), np.array(truth)
