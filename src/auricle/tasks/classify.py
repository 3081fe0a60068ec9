"""Classification by labels in words, with "none of these"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from auricle.models import heads
from auricle.models.capabilities import Vectors
from auricle.models.taught import Taught
from auricle.results import Classification


def classify_vectors(
    vectors: Vectors, labels: Sequence[str], model: Any, *, path: str, exclusive: bool = False, head: Taught | None = None
) -> Classification:
    """Classify one recording from its window vectors ``[n, d]``. See :func:`classify`."""
    if head is not None:
        return _with_head(vectors, labels, model, head, path, exclusive)
    labels = heads.check_labels(labels)
    text = model.embed_text(labels)
    calibration = getattr(model, "calibration", None)
    none: float | None = None
    if calibration is None:
        values = heads.pool_windows(vectors.astype(np.float64) @ text.T.astype(np.float64))
        if exclusive:
            sharp = np.exp((values - values.max()) / _UNCALIBRATED_TEMPERATURE)
            values = sharp / sharp.sum()
    else:
        log_odds = heads.pool_windows(calibration.log_odds(vectors, text))[None, :]
        if exclusive:
            one, nothing = heads.exclusive(log_odds)
        else:
            one = heads.probabilities(log_odds)
            nothing = heads.none_of_these(one)
        values, none = one[0], float(nothing[0])
    order = np.argsort(-values, kind="stable")
    scores = {labels[i]: float(values[i]) for i in order}
    return Classification(path, scores, none, calibration is not None, exclusive, model.name, model.pipeline_id)


_UNCALIBRATED_TEMPERATURE = 0.05


def _with_head(vectors: Vectors, labels: Sequence[str], model: Any, head: Taught, path: str, exclusive: bool) -> Classification:
    """What was taught, beside labels in words where there are any."""
    from auricle.tasks.detect import Reader

    reader = Reader.of(labels, model, head, windows=True)
    log_odds = heads.pool_windows(reader.log_odds(vectors))[None, :]
    if exclusive:
        values, none = heads.exclusive(log_odds)
    else:
        values = heads.probabilities(log_odds)
        none = heads.none_of_these(values)
    order = np.argsort(-values[0], kind="stable")
    scores = {reader.labels[i]: float(values[0, i]) for i in order}
    return Classification(path, scores, float(none[0]), True, exclusive, model.name, model.pipeline_id)


def classify(source: Any, labels: Sequence[str], model: Any, *, exclusive: bool = False, head: Taught | None = None) -> Classification:
    """How well each label describes a recording.

    With a calibrated model each score is the probability that its label applies, on its own, and ``none`` the probability
    that no label does; ``exclusive`` takes exactly one of them (or none) to be true, so that all sum to 1. A model without
    calibration gives similarities, and ``none`` is None. A long recording is judged by its three strongest windows a label.
    ``head``: kinds of sound that were taught, judged beside the labels (which may then be none).

    Raises AudioError for the input, UsageError for empty or repeated labels.
    """
    from auricle.models.listening import hear

    if head is None:
        labels = heads.check_labels(labels)
    else:
        head.check(model)
    heard = hear(source, model)
    path = source if isinstance(source, str) else getattr(source, "source", None) or str(source)[:200]
    return classify_vectors(heard.vectors, labels, model, path=str(path), exclusive=exclusive, head=head)
