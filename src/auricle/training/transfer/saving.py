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
    """The decision as log-odds, see :func:`rescaled`. Within a window the order of the labels stays that of the decision that was
    measured. Scores are of the sounds to test on."""
    task, model = bench.task, bench.model
    shots = bench.shots(learn, 0)
    decision = _decided(bench, method, shots)
    background, said = ordinary(model)
    scale, gate, shift = rescaled(bench, method, shots, decision, background)
    odds = replace(decision, weights=scale * decision.weights + gate, bias=scale * decision.bias + shift)
    if decision.values is not None:
        odds = replace(odds, values=scale * decision.values)
    items = []
    for i in learn:
        e = task.examples[i]
        path = os.path.abspath(os.path.join(e.folder, *(e.item.audio or e.item.id).split("/")))
        items.append(Example(path, e.item.start, _end(e.item), e.item.hash))
    numbers = {clip: n for n, clip in enumerate(dict.fromkeys(shots.clips))}
    items = [replace(item, group=numbers[clip]) for item, clip in zip(items, shots.clips, strict=True)]
    examples = Examples(tuple(items), shots.truth, shots.vectors, shots.owners)
    scores, standing = _judged(bench, odds, shots)
    bundle = getattr(model, "bundle", None)
    notes = (f"made by auricle adapt, method {method.name} ({decision.chosen or 'nothing to choose'})", *task.notes)
    return Taught(
        name, task.labels, odds.weights, odds.bias, model.name, str(bundle.path) if bundle is not None else "", model.pipeline_id,
        background, said, examples, scores, standing, (standing,), notes, values=odds.values, beta=odds.beta,
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


def rescaled(bench: Any, method: Method, shots: Shots, decision: Decision, background: Any) -> tuple[float, Floats, float]:
    """a, w and b of the log-odds a·s_c(f) + w·f + b (Platt 1999, with a gate).

    s are scores of sounds that were held back. w, the same for all labels, tells the sounds of any label from ordinary ones, which the
    method has not heard: without it each of them would be of some label. Positives weigh as the base rate says; other labels' sounds and
    ordinary ones share what is left.
    """
    from sklearn.linear_model import LogisticRegression

    held, known = held_back(bench, method, shots, decision), shots.truth >= 0
    k = shots.truth.shape[1]
    gate, none = np.zeros(decision.weights.shape[1]), not len(background)
    near = np.zeros(len(shots))
    if not none:
        gate, near, far = _gate(shots, background)
    z = [held[known], *([] if none else [decision.scores(background).ravel()])]
    g = [np.repeat(near[:, None], k, axis=1)[known], *([] if none else [np.repeat(far, k)])]
    y = [shots.truth[known] == 1, *([] if none else [np.zeros(len(background) * k, bool)])]
    if y[0].all():
        return 1.0, gate * 0.0, 0.0
    share = y[0].sum() * (1 - BASE_RATE) / BASE_RATE / len(y)
    u = [np.where(y[0], 1.0, share / (~y[0]).sum()), *([] if none else [np.full(len(y[1]), share / len(y[1]))])]
    x = np.stack([np.concatenate(z), np.concatenate(g)], axis=1)
    centre, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    found: Any = LogisticRegression(C=1e3, max_iter=1000).fit((x - centre) / spread, np.concatenate(y), sample_weight=np.concatenate(u))
    slope = np.maximum(found.coef_[0], (0.05, 0.0)) / spread
    return float(slope[0]), slope[1] * gate, float(found.intercept_[0] - slope @ centre)


def _gate(shots: Shots, background: Any) -> tuple[Floats, Floats, Floats]:
    """A direction ``[d]`` from ordinary sounds to those of the labels, and where both lie along it, each by one that has not heard it."""
    from sklearn.linear_model import LogisticRegression

    vectors, owners = shots.vectors.astype(np.float64), shots.owners
    fold, ordinary = folds_of(shots), background.astype(np.float64)
    number = 1 if fold is None else int(fold.max()) + 1
    of = np.zeros(len(shots), np.int64) if fold is None else fold
    of_ordinary = np.arange(len(ordinary)) % number

    def fitted(keep: Any, others: Any) -> Floats:
        rows = keep[owners]
        x = np.concatenate([vectors[rows], ordinary[others]])
        y = np.concatenate([np.ones(int(rows.sum()), bool), np.zeros(int(others.sum()), bool)])
        u = np.concatenate([shots.weights[rows], np.ones(int(others.sum()))])
        u[y] *= (~y).sum() / u[y].sum()
        model: Any = LogisticRegression(C=1.0, max_iter=1000).fit(x, y, sample_weight=u)
        return np.asarray(model.coef_[0], np.float64)

    near, far = np.zeros(len(shots)), np.zeros(len(ordinary))
    for n in range(number):
        own, others = of == n, of_ordinary == n
        w = fitted(~own, ~others) if number > 1 else fitted(own, others)
        near[own] = shots.pooled((vectors @ w)[:, None])[own, 0]
        far[others] = ordinary[others] @ w
    return fitted(np.ones(len(shots), bool), np.ones(len(ordinary), bool)), near, far


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


def _judged(bench: Any, head: Decision, shots: Shots) -> tuple[tuple[LabelScore, ...], Standing]:
    """Of each label: the area under the ROC curve among the test sounds, with an interval over their clips; and their mean.

    Where folds were held out in turn there is no sound that the head has not learned from, and so no score.
    """
    from sklearn.metrics import roc_auc_score

    from auricle.evaluation.statistics import draws

    task = bench.task
    own = np.array(shots.clips)
    plain = [
        LabelScore(label, int(yes.sum()), len(set(own[yes].tolist())), int((shots.truth[:, c] == 0).sum()))
        for c, label in enumerate(task.labels)
        if (yes := shots.truth[:, c] == 1) is not None
    ]
    if len(task.sides) > 1:
        return tuple(plain), Standing(len(shots), None, None, None)
    tested = task.sides[0][1]
    odds, truth = np.stack([head.clip(bench.heard[i]) for i in tested]), task.truth[tested]
    clips = [task.examples[i].clip for i in tested]
    times = draws(clips, rounds=200)
    scores = []
    rounds = np.full((len(times), len(task.labels)), np.nan)
    for c, blank in enumerate(plain):
        known = truth[:, c] >= 0
        y = truth[known, c] == 1
        if not y.any() or y.all():
            scores.append(blank)
            continue
        for i, count in enumerate(times[:, known]):
            if (count[y] > 0).any() and (count[~y] > 0).any():
                rounds[i, c] = roc_auc_score(y, odds[known, c], sample_weight=count)
        area = float(roc_auc_score(y, odds[known, c]))
        low, high = np.nanpercentile(rounds[:, c], [2.5, 97.5])
        scores.append(
            replace(
                blank, score=area, low=min(float(low), area), high=max(float(high), area), found=float((odds[known, c][y] > 0).mean()),
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
