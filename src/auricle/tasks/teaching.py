"""How a head is fitted to examples, and what held-back examples say of it. Pure functions over arrays.

A label's classifier is a logistic regression on unit vectors v, log-odds w·v + b. It begins as what the model makes of the label's
name (the zero-shot classifier is linear in v too), and examples pull it away from there:

    minimise  Σ u_i · log loss(y_i, w·v_i + b)  +  λ/2 · ‖w − α·w0‖²

w0 is the name's classifier and α how well it tells the examples from ordinary sounds (0 for a name that means nothing). So one
example works, and a hundred are not held back by the name. u_i: every distinct sound counts as one, however long or often copied;
others together weigh as the base rate says. Rubin & Thayer would call it a maximum a posteriori estimate with an informed prior;
for few examples on frozen audio–text vectors see Tip-Adapter (Zhang et al. 2022) and LP++ (Huang et al. 2024).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.models import heads
from auricle.models.capabilities import Vectors
from auricle.models.taught import Examples, LabelScore, Standing

Floats = npt.NDArray[np.float64]

STRENGTH = 0.05  # λ; chosen with TRUST on the development half of the search benchmark: 1, 3 and 8 examples of 3 labels, 36 draws
TRUST = 0.5  # of what a name says, at best
BASE_RATE = 0.2  # as the calibrations of the bundles assume: one label in five applies
SAME = 0.995  # cosine of whole clips from which they count as one sound
FOLDS = 5
FEWEST = 3  # distinct examples a label below which no score is given
_KEPT = 64  # windows of one clip that are looked at, spread over it
_BIAS = 1e-2  # λ of the bias
_DRAWS = 4000


def spread(vectors: Vectors) -> Vectors:
    """At most ``_KEPT`` windows of a clip, evenly."""
    n = len(vectors)
    return vectors if n <= _KEPT else vectors[np.linspace(0, n - 1, _KEPT).astype(np.int64)]


def grouped(examples: Examples) -> Examples:
    """Items that hold the same sound, by hash or by nearly the same vectors, get one group."""
    means = np.stack([v / max(float(np.linalg.norm(v)), 1e-12) for v in (examples.of(i).mean(axis=0) for i in range(len(examples)))])
    parent = list(range(len(examples)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for i, item in enumerate(examples.items):
        near = np.flatnonzero(means[:i] @ means[i] >= SAME).tolist()
        for j in [*near, *([first[item.hash]] if item.hash and item.hash in first else [])]:
            parent[root(i)] = root(j)
        first.setdefault(item.hash, i)
    return replace(examples, items=tuple(replace(item, group=root(i)) for i, item in enumerate(examples.items)))


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What the model makes of the names: weights ``[k, d]`` and bias ``[k]``; zeros where it has no calibration to say."""

    weights: Floats
    bias: Floats

    @classmethod
    def of(cls, model: Any, labels: tuple[str, ...]) -> Prior:
        calibration = getattr(model, "calibration", None)
        if calibration is None or not hasattr(model, "embed_text"):
            return cls(np.zeros((len(labels), model.dim)), np.zeros(len(labels)))
        text = model.embed_text(list(labels))
        # The calibrated log-odds are linear in the sound's vector: read the line off at the origin and along each text.
        origin = calibration.log_odds(np.zeros((1, model.dim), np.float32), text)[0]
        slope = np.diagonal(calibration.log_odds(text, text)) - origin
        return cls(text.astype(np.float64) * slope[:, None], np.asarray(origin, dtype=np.float64))

    def takes(self, vectors: Vectors) -> npt.NDArray[np.bool_]:
        """Which vectors ``[n]`` the names are rather true of than not, ``[n, k]``; none where the model cannot say."""
        known = self.weights.any(axis=1)
        taken: npt.NDArray[np.bool_] = (vectors.astype(np.float64) @ self.weights.T + self.bias > 0) & known
        return taken


def fit(
    examples: Examples,
    background: Vectors,
    prior: Prior,
    keep: npt.NDArray[np.bool_] | None = None,
    near: tuple[Floats, Floats] | None = None,
) -> tuple[Floats, Floats]:
    """Weights ``[k, d]`` and bias ``[k]`` from the items ``keep`` [m] (all without it) and the background.

    near: a solution of almost the same problem, from which the search begins; the result does not depend on it.
    """
    chosen = np.ones(len(examples), bool) if keep is None else keep
    weights, bias = np.array(prior.weights), np.array(prior.bias)
    for label in range(examples.truth.shape[1]):
        start = None if near is None else np.append(near[0][label], near[1][label])
        weights[label], bias[label] = _fit_label(examples, background, prior, label, chosen, start)
    return weights, bias


def _fit_label(
    examples: Examples, background: Vectors, prior: Prior, label: int, chosen: npt.NDArray[np.bool_], start: Floats | None
) -> tuple[Floats, float]:
    truth = examples.truth[:, label]
    w0, b0 = prior.weights[label], float(prior.bias[label])
    rows = chosen[examples.owners] & (truth[examples.owners] >= 0)
    vectors, owners = examples.vectors[rows], examples.owners[rows]
    positive = truth[owners] == 1
    if not positive.any():
        return w0, b0
    if len(background):
        ordinary = background[_unlike(background, vectors[positive]) & ~prior.takes(background)[:, label]]
    else:
        ordinary = background
    u = _weights(examples, owners)
    shown_not = float(u[~positive].sum())
    yes = float(u[positive].sum())
    no = yes * (1 - BASE_RATE) / BASE_RATE
    share = no / max(shown_not + len(ordinary) * _ORDINARY, 1e-12)
    u[~positive] *= share
    x = np.concatenate([vectors, ordinary]).astype(np.float64)
    y = np.concatenate([positive, np.zeros(len(ordinary), bool)])
    u = np.concatenate([u, np.full(len(ordinary), share * _ORDINARY)])
    alpha = _worth(x @ w0, y)
    return logistic(x, y, u, alpha * w0, alpha * b0, start=start)


_ORDINARY = 0.1  # an ordinary sound weighs a tenth of one that a person showed: there are hundreds of them


def _unlike(background: Vectors, positive: Vectors) -> npt.NDArray[np.bool_]:
    """Ordinary sounds that are not themselves of the kind: none that comes nearer to the examples than they do to each other."""
    centre = positive.mean(axis=0)
    centre /= max(float(np.linalg.norm(centre)), 1e-12)
    limit = float(np.percentile(positive @ centre, 25)) if len(positive) > 1 else 0.9
    keep: npt.NDArray[np.bool_] = background @ centre < min(limit, 0.95)
    return keep


def _weights(examples: Examples, owners: npt.NDArray[np.int64]) -> Floats:
    """A weight a window: 1 for all windows of a group together."""
    groups = np.array([item.group for item in examples.items], dtype=np.int64)[owners]
    _, place, count = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[place], dtype=np.float64)


def _worth(scores: Floats, truth: npt.NDArray[np.bool_]) -> float:
    """How far a name can be trusted, 0…1: from how often its score puts an example above an ordinary sound."""
    if truth.all() or not truth.any() or not scores.any():
        return 0.0
    others = np.sort(scores[~truth])
    above = np.searchsorted(others, scores[truth]) / len(others)
    return TRUST * float(np.clip(2 * above.mean() - 1, 0, 1) ** 2)


def logistic(
    x: Floats, y: npt.NDArray[np.bool_], u: Floats, w0: Floats, b0: float, strength: float = STRENGTH, start: Floats | None = None
) -> tuple[Floats, float]:
    """Weighted logistic regression with a Gaussian prior around ``w0`` and ``b0``, by Newton's method."""
    full = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    mean = np.append(w0, b0)
    ridge = np.append(np.full(len(w0), strength), _BIAS)
    at = mean.copy() if start is None else start

    def loss(theta: Floats) -> float:
        z = full @ theta
        return float(u @ (np.logaddexp(0.0, z) - y * z) + 0.5 * ridge @ (theta - mean) ** 2)

    value = loss(at)
    for _ in range(40):
        p = 1.0 / (1.0 + np.exp(-np.clip(full @ at, -40, 40)))
        gradient = full.T @ (u * (p - y)) + ridge * (at - mean)
        step = _solved(full, u * p * (1 - p), ridge, gradient)
        size = 1.0
        while (new := loss(at - size * step)) > value and size > 1e-4:
            size /= 2
        if new > value:
            break
        at, gain, value = at - size * step, value - new, new
        if gain < 1e-8 * max(1.0, abs(value)):
            break
    return at[:-1], float(at[-1])


def _solved(x: Floats, curve: Floats, ridge: Floats, b: Floats) -> Floats:
    """``(xᵀ·diag(curve)·x + diag(ridge))⁻¹ b`` by conjugate gradients (Hestenes & Stiefel 1952): nothing of size d² is made."""
    scale = 1.0 / (ridge + curve @ x**2)
    found = np.zeros_like(b)
    rest = b.copy()
    ready = scale * rest
    way, size = ready.copy(), float(rest @ ready)
    enough = 1e-4 * size  # a rough step is enough: the next one starts from where it led
    for _ in range(40):
        along = x.T @ (curve * (x @ way)) + ridge * way
        step = size / max(float(way @ along), 1e-30)
        found, rest = found + step * way, rest - step * along
        ready = scale * rest
        before, size = size, float(rest @ ready)
        if size < enough:
            break
        way = ready + (size / before) * way
    return found


# -- what held-back examples say -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Log-odds of every item ``[m, k]`` and every ordinary sound ``[b, k]``, each by a head that had not seen its group."""

    items: Floats
    background: Floats


def held_back(examples: Examples, background: Vectors, prior: Prior, whole: tuple[Floats, Floats] | None = None) -> Held:
    """Cross-validation: groups are split over the folds, label by label, so that no copy of a sound is on both sides.

    whole: what :func:`fit` gives for all examples; only to be quicker.
    """
    groups = np.array([item.group for item in examples.items], dtype=np.int64)
    fold = _folds(examples, groups)
    of_background = np.arange(len(background)) % FOLDS
    k = examples.truth.shape[1]
    items, ordinary = np.zeros((len(examples), k)), np.zeros((len(background), k))
    for number in range(FOLDS):
        out = fold == number
        if not out.any() and not (of_background == number).any():
            continue
        weights, bias = fit(examples, background[of_background != number], prior, ~out, whole)
        for i in np.flatnonzero(out):
            items[i] = heads.pool_windows(examples.of(int(i)).astype(np.float64) @ weights.T + bias)
        ordinary[of_background == number] = background[of_background == number].astype(np.float64) @ weights.T + bias
    return Held(items, ordinary)


def _folds(examples: Examples, groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    fold = np.full(len(groups), -1, np.int64)
    turn = 0
    for label in range(examples.truth.shape[1]):
        for want in (1, 0):
            for group in dict.fromkeys(groups[(examples.truth[:, label] == want) & (fold < 0)].tolist()):
                fold[groups == group] = turn % FOLDS
                turn += 1
    return np.where(fold < 0, 0, fold)


def rescaled(held: Held, examples: Examples, background: Vectors, prior: Prior) -> tuple[float, float]:
    """Scale and shift (Platt 1999) that make held-back log-odds mean what they say; (1, 0) where there is too little to tell."""
    z, y, u = [], [], []
    distinct, taken = distinct_of(examples), prior.takes(background)
    groups = np.array([item.group for item in examples.items], dtype=np.int64)
    for label in np.flatnonzero(distinct >= FEWEST):
        known = examples.truth[:, label] >= 0
        truth = examples.truth[known, label] == 1
        weight = _weights_of(groups[known])
        yes = float(weight[truth].sum())
        ordinary = held.background[~taken[:, label], label]
        rest = float(weight[~truth].sum()) + len(ordinary) * _ORDINARY
        share = yes * (1 - BASE_RATE) / BASE_RATE / max(rest, 1e-12)
        weight[~truth] *= share
        z += [held.items[known, label], ordinary]
        y += [truth, np.zeros(len(ordinary), bool)]
        u += [weight, np.full(len(ordinary), share * _ORDINARY)]
    if not z:
        return 1.0, 0.0
    scale, shift = logistic(np.concatenate(z)[:, None], np.concatenate(y), np.concatenate(u), np.ones(1), 0.0, strength=2.0)
    return float(np.clip(scale[0], 0.2, 3.0)), shift


def _weights_of(groups: npt.NDArray[np.int64]) -> Floats:
    _, place, count = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[place], dtype=np.float64)


def distinct_of(examples: Examples) -> npt.NDArray[np.int64]:
    """Distinct sounds that are of each label, ``[k]``."""
    groups = np.array([item.group for item in examples.items], dtype=np.int64)
    return np.array([len(set(groups[examples.truth[:, c] == 1].tolist())) for c in range(examples.truth.shape[1])], dtype=np.int64)


def judged(
    labels: tuple[str, ...], examples: Examples, background: Vectors, prior: Prior, held: Held, scale: float, shift: float
) -> tuple[tuple[LabelScore, ...], Standing]:
    """Scores with intervals: of each label, and their mean. Intervals are those of proportions (Jeffreys), so few examples show.

    A label's score is the mean share of others (examples that are not of it, and ordinary sounds) that a held-back example stands
    above: the area under the ROC curve. Ordinary sounds that the model itself takes for the label count neither way.
    """
    cut = -shift / scale  # held-back log-odds that become a probability of one half
    distinct = distinct_of(examples)
    groups = np.array([item.group for item in examples.items], dtype=np.int64)
    draw = np.random.default_rng(0)
    scores, drawn = [], []
    for c, label in enumerate(labels):
        truth = examples.truth[:, c]
        plain = LabelScore(label, int((truth == 1).sum()), int(distinct[c]), int((truth == 0).sum()))
        if distinct[c] < FEWEST:
            scores.append(plain)
            continue
        yes, no = truth == 1, truth == 0
        ordinary = held.background[~prior.takes(background)[:, c], c]
        others = np.sort(np.concatenate([held.items[no, c], ordinary]))
        if not len(others):
            scores.append(plain)
            continue
        place = (np.searchsorted(others, held.items[:, c]) + np.searchsorted(others, held.items[:, c], "right")) / (2 * len(others))
        ranked, of = _share(place, yes, groups)
        found, _ = _share(held.items[:, c] > cut, yes, groups)
        chance = draw.beta(ranked + 0.5, of - ranked + 0.5, _DRAWS)
        low, high = np.percentile(chance, [2.5, 97.5])
        score = ranked / of
        scores.append(
            replace(
                plain, score=score, low=min(float(low), score), high=max(float(high), score), found=found / of,
                false_alarms=float((others > cut).mean()),
            )
        )  # fmt: skip
        drawn.append(chance)
    if not drawn:
        return tuple(scores), Standing(len(examples), None, None, None)
    low, high = np.percentile(np.mean(drawn, axis=0), [2.5, 97.5])
    score = float(np.mean([s.score for s in scores if s.score is not None]))
    return tuple(scores), Standing(len(examples), score, min(float(low), score), max(float(high), score))


def _share(right: npt.NDArray[Any], which: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]) -> tuple[float, int]:
    """(the sum over groups of the mean of ``right``; groups) of the items ``which``."""
    kinds = dict.fromkeys(groups[which].tolist())
    return float(sum(right[which & (groups == g)].mean() for g in kinds)), len(kinds)


def confused(labels: tuple[str, ...], examples: Examples, held: Held) -> list[tuple[str, str, int, int]]:
    """Pairs of labels that held-back examples do not tell apart: (one, other, right, of), where chance is not ruled out."""
    groups = np.array([item.group for item in examples.items], dtype=np.int64)
    distinct = distinct_of(examples)
    draw = np.random.default_rng(0)
    pairs = []
    for a in range(len(labels)):
        for b in range(a + 1, len(labels)):
            if min(distinct[a], distinct[b]) < FEWEST:
                continue
            only_a = (examples.truth[:, a] == 1) & (examples.truth[:, b] != 1)
            only_b = (examples.truth[:, b] == 1) & (examples.truth[:, a] != 1)
            prefers_a = held.items[:, a] > held.items[:, b]
            right_a, of_a = _share(prefers_a, only_a, groups)
            right_b, of_b = _share(~prefers_a, only_b, groups)
            right, of = right_a + right_b, of_a + of_b
            if not of or np.percentile(draw.beta(right + 0.5, of - right + 0.5, _DRAWS), 2.5) <= 0.5:
                pairs.append((labels[a], labels[b], round(right), of))
    return pairs
