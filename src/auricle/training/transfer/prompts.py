"""Prompt ensembles: a label by many templates. Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
Supervision" (CLIP), arXiv 2103.00020, §3.1.4.

    t_c = unit( 1/P Σ_p unit(g(template_p(c))) )        s_c(f) = cos(f, t_c)

Nothing is learned. ``zero-shot`` is the same with one template, the label alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from auricle.errors import UsageError
from auricle.models.capabilities import Vectors
from auricle.training.transfer.decision import Decision

# Ways in which people write about sounds, not chosen by any measurement.
TEMPLATES = (
    "{}", "the sound of {}", "a recording of {}", "this is a sound of {}", "{} can be heard", "an audio clip of {}",
    "a field recording of {}", "{}, close up", "{} in the distance", "a short sound effect: {}", "someone recorded {}", "we hear {}",
)  # fmt: skip


def ensemble(model: Any, labels: Sequence[str], templates: Sequence[str] = TEMPLATES) -> Vectors:
    """``[k, d]``, unit norm. Raises UsageError for a template without ``{}``."""
    if not templates or any("{}" not in template for template in templates):
        raise UsageError("every template needs {} where the label goes.", hint='For example: "the sound of {}".')
    every = [model.embed_text([template.replace("{}", label) for label in labels]) for template in templates]
    mean = np.mean(np.asarray(every, np.float64), axis=0)
    return np.asarray(mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12), np.float32)


def decide(texts: Vectors) -> Decision:
    """Cosines with the texts."""
    return Decision(texts.astype(np.float64), np.zeros(len(texts)))
