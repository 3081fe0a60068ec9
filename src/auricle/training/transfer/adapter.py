"""Training-free few-shot adapter: a cache of the shots and their labels beside the texts. Zhang et al. 2022, "Tip-Adapter",
arXiv 2111.03930, eq. 4–6; for sound Liang et al. 2023, "Adapting Language-Audio Models as Few-Shot Audio Learners" (Treff adapter),
arXiv 2305.17719.

    A(f, kᵢ) = exp(−β(1 − f·kᵢ))        s(f) = τ·f·Tᵀ + α · A(f, K) · L

K: windows of the shots; L: their labels, divided by the shots of the label and the windows of the shot, so that α means the same for any
number of them. τ fits the texts to the shots (``decision.spoken``). α and β are chosen within the shots: each sound is judged by the
others, those of its own source clip left out, and the pair that is right most often is taken, of several the one with the least loss
(where a sound may have several labels: the least loss). With one shot nothing is left to judge by, and they are ``ONE_SHOT``. Test data
has no part in it.
"""

from __future__ import annotations

import numpy as np

from auricle.training.transfer.decision import Decision, Floats, Shots, affinity, loss, spoken

BETAS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
ALPHAS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
ONE_SHOT = (8.0, 1.0)  # α, β: draws of one shot inside the training half of the corpus; docs/transfer.md


def fit(shots: Shots) -> Decision:
    base = spoken(shots)
    alpha, beta, said = choose(shots, base)
    return Decision(base.weights, base.bias, shots.vectors, alpha * cache(shots), beta, said)


def cache(shots: Shots) -> Floats:
    """L ``[w, k]``: of each window, its label's share. A label's column sums to 1."""
    own = (shots.truth == 1).astype(np.float64)
    return np.asarray((own / np.maximum(own.sum(axis=0), 1.0))[shots.owners] * shots.weights[:, None], np.float64)


def choose(shots: Shots, base: Decision) -> tuple[float, float, str]:
    """α, β, and how they were come by."""
    if shots.fewest < 2:
        alpha, beta = ONE_SHOT
        return alpha, beta, f"α={alpha:g}, β={beta:g}, given"
    said = base.scores(shots.vectors)
    found = {}
    for beta in BETAS:
        others = left_out(shots, beta)
        for alpha in ALPHAS:
            found[alpha, beta] = cost(shots.pooled(said + alpha * others), shots)
    alpha, beta = min(found, key=lambda pair: found[pair])
    return alpha, beta, f"α={alpha:g}, β={beta:g}, by leaving out one clip of the shots at a time"


def cost(scores: Floats, shots: Shots) -> tuple[float, float]:
    """Share of sounds that are taken for another label, and the loss."""
    wrong = float((shots.truth[np.arange(len(scores)), scores.argmax(axis=1)] != 1).mean()) if shots.exclusive else 0.0
    return wrong, loss(scores, shots.truth, shots.exclusive)


def left_out(shots: Shots, beta: float) -> Floats:
    """What the cache says of each window ``[w, k]`` without the sounds of its own source clip."""
    near = affinity(shots.vectors, shots.vectors, beta)
    _, number = np.unique(np.array(shots.clips), return_inverse=True)
    clip = number[shots.owners]
    own = (shots.truth == 1).astype(np.float64)
    per_clip = np.zeros((int(number.max()) + 1, own.shape[1]))
    np.add.at(per_clip, number, own)
    left = np.maximum(own.sum(axis=0) - per_clip, 1e-9)[clip]  # [w, k]: shots of each label that are not of the window's clip
    keep = clip[:, None] != clip[None, :]
    sums = (near * keep) @ (own[shots.owners] * shots.weights[:, None])
    return np.asarray(sums / left, np.float64)
