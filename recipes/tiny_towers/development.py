"""What the recipe takes from the search benchmark's corpus: ordinary sounds, and judged labels for the calibration.

python recipes/tiny_towers/development.py CORPUS --model tiny-towers      # is a probability what it says? (test half)
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from auricle.evaluation.calibration import adaptive_ece, brier, reliability
from auricle.evaluation.corpus import Corpus, Half
from auricle.evaluation.labelled import is_fitted, labelled_clips, usable_concepts
from auricle.models import heads
from auricle.models.heads import Calibration
from auricle.models.hub import load
from auricle.models.listening import hear
from auricle.models.two_towers import TwoTowers, open_towers

BACKGROUND = 512  # windows in the bank that the calibration standardises against
FALSE_LABELS = 4  # false labels a true one: the base rate is 1 in 5
SEED = 0


def background_recordings(corpus: Path) -> list[Path]:
    """All recordings of the development half, in a fixed order."""
    return sorted(corpus / recording.path for recording in Corpus.load(corpus).half("dev"))


def pairs(folder: Path, half: Half, fitted: bool, model: TwoTowers) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray]:
    """Clips × labels: unit vectors [n, d] (mean of a clip's windows), names of the labels, truth [n, k], which pairs count [n, k].

    Half of the labels are fitted on, the others only reported. Each true pair comes with ``FALSE_LABELS`` false ones of its clip.
    """
    corpus = Corpus.load(folder)
    concepts = [c for c in usable_concepts(corpus, half) if is_fitted(c) == fitted]
    names = [corpus.concepts.names[c] for c in concepts]
    clips = list(labelled_clips(corpus, half, concepts=concepts))
    truth, counted = np.zeros((2, len(clips), len(names)), dtype=bool)
    rng = np.random.default_rng(SEED)
    vectors = []
    for row, clip in enumerate(clips):
        judged = [clip.labels.get(name) for name in names]
        true, false = (np.flatnonzero([j is wanted for j in judged]) for wanted in (True, False))
        truth[row, true] = counted[row, true] = True
        counted[row, rng.choice(false, min(len(false), FALSE_LABELS * len(true)), replace=False)] = True
        vectors.append(hear(clip.path, model).vectors.mean(axis=0))
    audio = np.stack(vectors)
    audio /= np.linalg.norm(audio, axis=1, keepdims=True)
    return audio, names, truth, counted


def fit_calibration(bundle: Path, corpus: Path) -> Calibration:
    """Fit on half of the labels, development half of the clips."""
    model = open_towers(bundle)
    bank = np.concatenate([hear(path, model).vectors for path in background_recordings(corpus)])
    bank = bank[np.random.default_rng(SEED).permutation(len(bank))[:BACKGROUND]]
    audio, names, truth, counted = pairs(corpus, "dev", True, model)
    sounds = f"search benchmark, dev half: {len(audio)} clips, {len(names)} labels, base rate 1 in {FALSE_LABELS + 1}"
    return Calibration.fit(bank, audio, model.embed_text(names), truth, sounds=sounds, pairs=counted)


def report(corpus: Path, model: TwoTowers, half: str) -> dict[str, Any]:
    """Adaptive ECE and Brier of labels that were not fitted on, with 95 % intervals (bootstrap over clips)."""
    if model.calibration is None:
        sys.exit(f"{model.name} is not calibrated")
    audio, names, truth, counted = pairs(corpus, half, False, model)
    p = heads.probabilities(model.calibration.log_odds(audio, model.embed_text(names)))
    rng = np.random.default_rng(SEED)

    def measure(rows: np.ndarray) -> tuple[float, float]:
        said, true = p[rows][counted[rows]], truth[rows][counted[rows]]
        return adaptive_ece(said, true), brier(said, true)

    ece, score = measure(np.arange(len(audio)))
    draws = np.array([measure(rng.integers(0, len(audio), len(audio))) for _ in range(500)])
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    rate = float(truth[counted].mean())
    return {
        "half": half,
        "clips": len(audio),
        "labels": len(names),
        "pairs": int(counted.sum()),
        "adaptive_ece": [ece, low[0], high[0]],
        "brier": [score, low[1], high[1]],
        "brier_of_base_rate": rate * (1 - rate),
        "reliability": [(round(b.said, 3), round(b.true, 3), b.n) for b in reliability(p[counted], truth[counted], 10)],
        "pipeline_id": model.pipeline_id,
        "fitted_on": model.calibration.sounds,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="tiny-towers")
    parser.add_argument("--half", choices=("dev", "test"), default="test")
    arguments = parser.parse_args()
    print(json.dumps(report(arguments.corpus, load(arguments.model), arguments.half), indent=2))
