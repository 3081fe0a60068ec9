"""All sounds of a task, heard once by one model: their windows' vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from auricle.audio.types import Limits
from auricle.data.manifest import open_audio
from auricle.errors import AudioError, DataError
from auricle.models.capabilities import Vectors
from auricle.models.listening import hear
from auricle.results import Failure
from auricle.training.transfer.decision import Shots
from auricle.training.transfer.task import Places, Task

SHOWN = 8  # windows of one sound that are learned from, spread over it; all of them are tested on


def listen(task: Task, model: Any, watch: Callable[[int, int], None] | None = None) -> tuple[Task, list[Vectors], list[Failure]]:
    """The task without sounds that cannot be heard, the windows of each that can, and those failures. Raises DataError."""
    heard: list[Vectors] = []
    failures: list[Failure] = []
    keep = np.ones(len(task.examples), bool)
    for place, example in enumerate(task.examples):
        try:
            sound = open_audio(example.item, example.folder, rate=model.rate, limits=Limits.stream())
            heard.append(hear(sound, model).vectors)
        except AudioError as error:
            failures.append(Failure(error.path, error.message, error.kind, error.hint))
            keep[place] = False
        if watch is not None:
            watch(place + 1, len(task.examples))
    if not heard:
        raise DataError("Invalid", f"none of {len(task.examples)} sounds could be heard: {failures[0].error}", hint=failures[0].hint)
    return (task.only(keep) if failures else task), heard, failures


def shots_of(task: Task, heard: list[Vectors], places: Places, texts: Vectors, names: Vectors, seed: int) -> Shots:
    """What a method learns from: the sounds at ``places``."""
    windows = [spread(heard[i]) for i in places]
    owners = np.repeat(np.arange(len(windows)), [len(w) for w in windows]).astype(np.int64)
    clips = tuple(task.examples[i].clip for i in places)
    vectors = np.concatenate(windows).astype(np.float32)
    return Shots(vectors, owners, task.truth[places], clips, texts, names, task.labels, task.exclusive, seed)


def spread(vectors: Vectors) -> Vectors:
    """At most ``SHOWN`` windows, evenly."""
    n = len(vectors)
    return vectors if n <= SHOWN else vectors[np.linspace(0, n - 1, SHOWN).astype(np.int64)]
