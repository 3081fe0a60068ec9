"""The verbs of the public API, thin over the tasks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from auricle.models.capabilities import Vectors
from auricle.models.taught import Taught
from auricle.models.two_towers import TwoTowers
from auricle.results import Answer, Caption, Classification, Detection


def load(name: str = "tiny-towers", *, threads: int | None = None, device: str = "auto") -> TwoTowers:
    """A model by name: ``tiny-towers``, ``hf:org/name`` (pulled before), or the path of a bundle. Never uses the network.

    Raises ModelError when it is missing or damaged.
    """
    from auricle.models import hub

    return hub.load(name, threads=threads, device=device)


def classify(
    audio: Any, labels: Sequence[str] = (), *, model: str | Any | None = None, exclusive: bool = False, taught: str | Taught | None = None
) -> Classification:
    """How well each label describes a sound, with "none of these". See :func:`auricle.tasks.classify.classify`.

    audio: a path, bytes, a binary file, ``(samples, rate)``, ``{"array", "sampling_rate"}`` or an Audio.
    model: ``tiny-towers`` when not given, or the one that ``taught`` belongs to.
    taught: a head (or its name) whose labels are judged beside ``labels``.
    """
    from auricle.models.taught import load_both
    from auricle.tasks.classify import classify as run

    loaded, head = load_both(model, taught)
    return run(audio, labels, loaded, exclusive=exclusive, head=head)


def detect(
    audio: Any,
    labels: Sequence[str] = (),
    *,
    model: str | Any | None = None,
    taught: str | Taught | None = None,
    threshold: float | None = None,
    min_duration: float | None = None,
    merge: float | None = None,
) -> list[Detection]:
    """What is heard from when to when, in a sound of any length. See :func:`auricle.tasks.detect.detect`.

    threshold, min_duration, merge: as the model's bundle says where they are not given.
    """
    from auricle.models.taught import load_both
    from auricle.tasks import detect as task

    loaded, head = load_both(model, taught)
    return task.detect(audio, labels, loaded, head=head, rules=task.Rules.of(loaded, threshold, min_duration, merge))


def caption(
    audio: Any, *, model: str | Any | None = None, keep_unsupported: bool = False, start: float = 0.0, end: float | None = None
) -> list[Caption]:
    """What is heard, in a sentence; of a long sound, a sentence for each piece. See :func:`auricle.tasks.caption.caption`.

    model: ``tiny-heads`` when not given; ``hf:…`` (pulled before), ``openai:http://host/v1#model``, or a loaded model.
    keep_unsupported: claims without evidence stay in the sentence.
    """
    from auricle.tasks.caption import caption as run

    return run(audio, model, keep_unsupported=keep_unsupported, start=start, end=end)


def ask(
    audio: Any,
    question: str,
    *,
    options: Sequence[str] = (),
    model: str | Any | None = None,
    contrast: float = 0.0,
    examples: Sequence[tuple[Any, str]] = (),
    start: float = 0.0,
    end: float | None = None,
    seed: int = 0,
) -> Answer:
    """An answer about a sound, or a list of sounds where the model takes several. See :func:`auricle.tasks.answer.ask`.

    options: the answer is the likeliest of these.
    contrast: what is likely without any sound is taken off, so many times.
    examples: pairs of a sound and its answer, for models that take several sounds.
    """
    from auricle.tasks.answer import ask as run

    return run(audio, question, model, options=options, contrast=contrast, examples=examples, start=start, end=end, seed=seed)


def teach(
    classes: Mapping[str, Any],
    *,
    out: str | os.PathLike[str] | None = None,
    model: str | Any = "tiny-towers",
    background: str | os.PathLike[str] | None = None,
) -> Taught:
    """Teach kinds of sound by examples. See :func:`auricle.tasks.teach.teach`.

    classes: label → a folder of clips, a sound file, an Audio, or a list of those.
    out:     a name (for ``taught=``) or a path to keep it under; it is replaced when it exists. Nothing is kept without it.

    Clips that cannot be heard stand in ``warnings``. Raises UsageError, AudioError where no clip of a label can be heard.
    """
    from dataclasses import replace

    from auricle.models import taught
    from auricle.tasks.teach import teach as run

    path = taught.path_of(out) if out is not None else None
    loaded = load(model) if isinstance(model, str) else model
    head, failures = run(classes, loaded, name=path.stem if path else "taught", background=background)
    if failures:
        head = replace(head, warnings=(*head.warnings, *(f"not heard: {failure.error}" for failure in failures)))
    if path is not None:
        taught.save(head, path)
    return head


def embed(what: Any, *, model: str | Any = "tiny-towers") -> Vectors:
    """Unit vectors, float32 ``[n, d]``: of texts (a list of str), or of the windows of one sound (anything else that classify takes).

    A single str is the path of a sound; wrap a text in a list.
    """
    from auricle.models.listening import hear

    loaded = load(model) if isinstance(model, str) else model
    if isinstance(what, list) and all(isinstance(text, str) for text in what):
        vectors: Vectors = loaded.embed_text(what)
        return vectors
    heard: Vectors = hear(what, loaded).vectors
    return heard
