"""What is kept of an adaptation: a taught head that ``--taught`` takes, or a bundle that ``--model`` takes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.errors import UsageError
from auricle.models import taught
from auricle.models.card import LicenceLink, ModelCard
from auricle.models.taught import Example, Examples, LabelScore, Standing, Taught
from auricle.training.transfer.decision import Decision, Floats, Shots, folds_of, spoken
from auricle.training.transfer.methods import Method
from auricle.training.transfer.task import Places

BASE_RATE = 0.2  # as ``auricle teach`` and the bundles' calibrations assume: one label in five applies
MOST = 1024  # background vectors


def check(method: Method, out: str | os.PathLike[str], overwrite: bool) -> Path:
    """Where it will be. Raises UsageError before anything is measured."""
    if method.makes == "head":
        path = taught.path_of(out)
        if path.is_dir():
            raise UsageError(f"{path} is a folder.", hint="Name a file that ends in .npz, or give just a name.")
    else:
        path = Path(os.fspath(out)).expanduser()
        name_of(path)
        if path.is_file():
            raise UsageError(f"{path} is a file, and {method.name} makes a folder.", hint="Name a folder.")
        if path.is_dir() and any(path.iterdir()) and not (path / "card.json").is_file():
            raise UsageError(f"{path} holds other things than a bundle.", hint="Name a new folder.")
    if os.path.lexists(path) and not overwrite:
        raise UsageError(f"{path} exists already.", hint="Choose another name, or replace it with --overwrite.")
    return path


def save(bench: Any, method: Method, out: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Learn from all sounds that are there to learn from, and write what came of it. Raises UsageError, ModelError, AuricleError."""
    path = check(method, out, overwrite)
    task = bench.task
    learn = np.unique(np.concatenate([train for train, _ in task.sides]))
    if method.makes == "head":
        return taught.save(head_of(bench, method, learn, path.stem), path)
    bench.tuned(method, learn, 0, lambda: export(bench, method, learn, path))
    return path


# ---------------------------------------------------------------------------------------------------------------- a head


def head_of(bench: Any, method: Method, learn: Places, name: str) -> Taught:
    """The decision as log-odds: scaled and shifted (Platt 1999) on sounds that were held back, and on ordinary ones.

    The order of the labels stays that of the decision that was measured. Scores are of the sounds to test on.
    """
    task, model = bench.task, bench.model
    shots = bench.shots(learn, 0)
    decision = _decided(bench, method, shots)
    background, said = ordinary(model)
    scale, shift = rescaled(bench, method, shots, decision, background)
    items = []
    for i in learn:
        e = task.examples[i]
        path = os.path.abspath(os.path.join(e.folder, *(e.item.audio or e.item.id).split("/")))
        items.append(Example(path, e.item.start, _end(e.item), e.item.hash))
    numbers = {clip: n for n, clip in enumerate(dict.fromkeys(shots.clips))}
    items = [replace(item, group=numbers[clip]) for item, clip in zip(items, shots.clips, strict=True)]
    examples = Examples(tuple(items), shots.truth, shots.vectors, shots.owners)
    scores, standing = _judged(bench, method, decision, scale, shift, shots, background)
    bundle = getattr(model, "bundle", None)
    values = None if decision.values is None else scale * decision.values
    notes = (f"made by auricle adapt, method {method.name} ({decision.chosen or 'nothing to choose'})", *task.notes)
    return Taught(
        name, task.labels, scale * decision.weights, scale * decision.bias + shift, model.name,
        str(bundle.path) if bundle is not None else "", model.pipeline_id, background, said, examples, scores, standing, (standing,), notes,
        values=values, beta=decision.beta,
    )  # fmt: skip


def _decided(bench: Any, method: Method, shots: Shots) -> Decision:
    if method.shots:
        decision: Decision = bench.decide(method, shots)
        return decision
    return spoken(shots, shots.names if method.name == "zero-shot" else shots.texts)


def ordinary(model: Any) -> tuple[npt.NDArray[np.float32], str]:
    """Vectors of ordinary sounds that the bundle brings; none where it has no calibration."""
    calibration = getattr(model, "calibration", None)
    if calibration is None:
        return np.zeros((0, model.dim), np.float32), "no ordinary sounds: the model brings none"
    return calibration.background[:MOST], f"{len(calibration.background[:MOST])} calibration sounds of {model.name}"


def rescaled(bench: Any, method: Method, shots: Shots, decision: Decision, background: Any) -> tuple[float, float]:
    """Scale and shift. Positives weigh as the base rate says; others and ordinary sounds share what is left."""
    from sklearn.linear_model import LogisticRegression

    held = held_back(bench, method, shots, decision)
    known = shots.truth >= 0
    parts = [held[known]]
    truth = [shots.truth[known] == 1]
    if len(background):
        parts.append(decision.scores(background).ravel())
        truth.append(np.zeros(parts[-1].size, bool))
    z, y = np.concatenate(parts), np.concatenate(truth)
    weight = np.ones(len(z))
    no = weight.sum() - y.sum()
    if y.all() or no == 0:
        return 1.0, 0.0
    first = int((~truth[0]).sum())
    share = y.sum() * (1 - BASE_RATE) / BASE_RATE
    weight[: len(truth[0])][~truth[0]] = (share / (2 if len(background) else 1)) / max(first, 1)
    weight[len(truth[0]) :] = share / 2 / max(len(z) - len(truth[0]), 1)
    centre, spread = float(z.mean()), max(float(z.std()), 1e-9)
    found: Any = LogisticRegression(C=1e3, max_iter=1000).fit(((z - centre) / spread)[:, None], y, sample_weight=weight)
    slope = max(float(found.coef_[0, 0]), 0.05) / spread
    return slope, float(found.intercept_[0]) - slope * centre


def held_back(bench: Any, method: Method, shots: Shots, decision: Decision) -> Floats:
    """Scores ``[m, k]`` of the sounds learned from, each by a decision that has not heard its clip, where that can be."""
    fold = folds_of(shots) if method.shots else None
    if fold is None:
        return shots.pooled(decision.scores(shots.vectors))
    found = np.zeros(shots.truth.shape)
    for number in range(int(fold.max()) + 1):
        out = fold == number
        part = bench.decide(method, part_of(shots, ~out))
        found[out] = shots.pooled(part.scores(shots.vectors))[out]
    return found


def part_of(shots: Shots, keep: npt.NDArray[np.bool_]) -> Shots:
    """The sounds ``keep`` [m] alone."""
    rows = keep[shots.owners]
    owners = (np.cumsum(keep) - 1)[shots.owners[rows]]
    clips = tuple(c for c, k in zip(shots.clips, keep, strict=True) if k)
    return replace(shots, vectors=shots.vectors[rows], owners=owners, truth=shots.truth[keep], clips=clips)


def _judged(
    bench: Any, method: Method, decision: Decision, scale: float, shift: float, shots: Shots, background: Any
) -> tuple[tuple[LabelScore, ...], Standing]:
    """Of each label: the area under the ROC curve among the test sounds, with an interval over their clips; and their mean."""
    from sklearn.metrics import roc_auc_score

    from auricle.evaluation.statistics import draws

    task = bench.task
    drawn, places = [], []
    for train, test in task.sides:
        part = decision if len(task.sides) == 1 else _decided(bench, method, bench.shots(train, 0))
        drawn.append(np.stack([part.clip(bench.heard[i]) for i in test]))
        places.append(test)
    tested = np.concatenate(places)
    odds, truth = scale * np.concatenate(drawn) + shift, task.truth[tested]
    clips = [task.examples[i].clip for i in tested]
    times = draws(clips, rounds=200)
    scores = []
    rounds = np.full((len(times), len(task.labels)), np.nan)
    own = np.array(shots.clips)
    for c, label in enumerate(task.labels):
        positive = shots.truth[:, c] == 1
        plain = LabelScore(label, int(positive.sum()), len(set(own[positive].tolist())), int((shots.truth[:, c] == 0).sum()))
        known = truth[:, c] >= 0
        y = truth[known, c] == 1
        if not y.any() or y.all():
            scores.append(plain)
            continue
        for i, count in enumerate(times[:, known]):
            if (count[y] > 0).any() and (count[~y] > 0).any():
                rounds[i, c] = roc_auc_score(y, odds[known, c], sample_weight=count)
        area = float(roc_auc_score(y, odds[known, c]))
        low, high = np.nanpercentile(rounds[:, c], [2.5, 97.5])
        scores.append(
            replace(
                plain, score=area, low=min(float(low), area), high=max(float(high), area), found=float((odds[known, c][y] > 0).mean()),
                false_alarms=float((odds[known, c][~y] > 0).mean()),
            )
        )  # fmt: skip
    told = [s.score for s in scores if s.score is not None]
    if not told:
        return tuple(scores), Standing(len(shots), None, None, None)
    low, high = np.nanpercentile(np.nanmean(rounds, axis=1), [2.5, 97.5])
    mean = float(np.mean(told))
    return tuple(scores), Standing(len(shots), mean, min(float(low), mean), max(float(high), mean))


def _end(item: Any) -> float:
    if item.end is not None:
        return float(item.end)
    return float(item.start + (item.duration or 0.0))


# ---------------------------------------------------------------------------------------------------------------- a bundle


def name_of(path: Path) -> str:
    """The bundle's name. Raises UsageError for one that cannot be."""
    import re

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", path.name):
        raise UsageError(f"{path.name!r} is no name for a model.", hint="Use letters, digits, dots and dashes, like runs/my-dogs.")
    return path.name


def export(bench: Any, method: Method, learn: Places, path: Path) -> None:
    """The towers as they are now, as a bundle; its card tells what they were made from, too. Raises ModelError."""
    from auricle.models.bundle import Bundle
    from auricle.training.transfer.tuning import entry_of

    task = bench.task
    entries = [entry_of(task.examples[i], [name for c, name in enumerate(task.labels) if task.truth[i, c] == 1]) for i in learn]
    with tempfile.TemporaryDirectory(prefix="auricle-adapt-") as folder:
        bundle = bench.run.bundle(Path(folder), name_of(path), entries)
        card = card_of(bundle.card, bench.model, method, task.labels, len(learn))
        files: dict[str, Path | bytes] = {name: bundle.file(name) for name in bundle.card.files if name != "config.json"}
        Bundle.write(path, bundle.config, card, files, overwrite=True)


def card_of(made: ModelCard, before: Any, method: Method, labels: Sequence[str], n: int) -> ModelCard:
    """The card of a bundle that was made out of another model: its licence chain goes on."""
    old = before.card
    chain = (LicenceLink(f"the towers of {before.name}", old.licence, before.pipeline_id), *old.chain, *made.chain)
    return replace(
        made, licence=old.licence, chain=tuple(dict.fromkeys(chain)), trained=old.trained,
        description=f"{before.name}, adapted by {method.name} to {len(labels)} labels with {n} sounds.",
        limits=f"Adapted to: {', '.join(labels)}. What it knew of other sounds may be worse than before. {old.limits}".strip(),
    )  # fmt: skip
