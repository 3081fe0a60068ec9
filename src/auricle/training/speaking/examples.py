"""What a speaker is asked and answers about one scene, in words that change each time it is heard; batches of packed texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auricle.data.items import Question
from auricle.models.capabilities import with_options
from auricle.training.speaking.scenes import SceneTexts, truth

DESCRIBE = (
    "Describe the recording.", "Describe what is heard.", "Describe the sound.", "What is heard?", "What can be heard in the recording?",
    "Caption this.", "Write a caption.", "Say what you hear.", "What is going on here?", "Tell me what is heard.",
)  # fmt: skip
MENTION = ("Mention something that is heard.", "Name something that can be heard.", "Say one thing about the recording.")
LIST = ("List the sounds.", "List the sounds in the order in which they begin.", "Which sounds are heard, in order?", "Name all sounds.")
WHEN = ("When is {} heard?", "At what time is {} heard?", "Where in the recording is {}?")
NOTHING = "nothing"
OPTION_FORMS = ("(A) (B) (C) (D) (E) (F)",)
NEED_OPTIONS = ("absence",)
ORDERED = ("count", "duration")
ROW = 80  # tokens that share a row: more, and attention costs more than padding saves
WHOLE = 0.7  # chance that a scene is described by its first caption, the fullest; else something of it is mentioned

Text = tuple[str, str]  # prompt, answer


def listed(scene: SceneTexts, rng: np.random.Generator) -> list[Text]:
    """All labels in order, each with its number, and when one of them is heard: what ties names and times to frames most directly."""
    counts = Counter(e.label for e in scene.events)
    answer = ", ".join(label if n == 1 else f"{label} ×{n}" for label, n in counts.items()) or NOTHING
    found = [(str(rng.choice(LIST)), answer)]
    if counts:
        label = str(rng.choice(list(counts)))
        spans = [f"{e.start:.1f}–{e.end:.1f} s" for e in scene.events if e.label == label]
        found.append((str(rng.choice(WHEN)).format(label), ", ".join(spans)))
    return found


def asked(question: Question, rng: np.random.Generator, *, options: float = 0.5) -> Text:
    """A question as it is put this time: with its options or without, and by chance without its capital or its mark."""
    words = question.question
    if rng.random() < 0.15:
        words = words[:1].lower() + words[1:]
    if rng.random() < 0.1:
        words = words.rstrip("?")
    offered = list(question.options)
    if offered and (self_evident(question) is False or rng.random() < options):
        if question.kind not in ORDERED:
            offered = [offered[i] for i in rng.permutation(len(offered))]
        words = with_options(words, offered)
    return words, question.answer


def self_evident(question: Question) -> bool:
    """Whether it can be answered without its options."""
    return question.kind not in NEED_OPTIONS and not question.question.startswith("Which of these")


def texts_of(scene: SceneTexts, rng: np.random.Generator, captions: int, questions: int) -> list[Text]:
    """So many of each; what the recording is like, most often by its fullest caption."""
    found: list[Text] = []
    for place in rng.permutation(len(scene.captions))[:captions]:
        whole = rng.random() < WHOLE
        found.append((str(rng.choice(DESCRIBE if whole else MENTION)), scene.captions[0 if whole else place]))
    found += listed(scene, rng)
    if scene.questions:
        often = Counter(q.kind for q in scene.questions)
        weight = np.array([1 / often[q.kind] for q in scene.questions])  # kinds in turn: what few scenes allow to be asked is asked there
        for i in rng.choice(len(weight), min(questions, len(weight)), replace=False, p=weight / weight.sum()):
            found.append(asked(scene.questions[i], rng))
    return found


class Packer:
    """Scenes → one batch. ``whole``: prompts are learned too (the language stage). ``deaf``: the chance that a scene is not heard."""

    def __init__(
        self, tokenizer: Any, *, captions: int, questions: int, whole: bool, deaf: float, places: int, kinds: Sequence[str] = ()
    ) -> None:
        from auricle.models.two_heads import ANSWER, ASK, END

        self.tokenizer, self.captions, self.questions, self.whole, self.deaf, self.places = (
            tokenizer, captions, questions, whole, deaf, places,
        )  # fmt: skip
        self.kinds = {kind: place for place, kind in enumerate(kinds)}
        self.ask, self.answer, self.end = (tokenizer.token_to_id(name) for name in (ASK, ANSWER, END))

    def tokens(self, text: Text) -> tuple[list[int], int]:
        """``ASK prompt ANSWER answer END`` and where the answer begins."""
        prompt, answer = (self.tokenizer.encode(part).ids for part in text)
        return [self.ask, *prompt, self.answer, *answer, self.end], len(prompt) + 2

    def __call__(self, scenes: Sequence[SceneTexts], rng: np.random.Generator) -> dict[str, Tensor]:
        drawn = [texts_of(scene, rng, self.captions, self.questions) for scene in scenes]
        return self.batch(scenes, drawn, heard=rng.random(len(scenes)) >= self.deaf)

    def batch(self, scenes: Sequence[SceneTexts], texts: Sequence[Sequence[Text]], heard: np.ndarray[Any, Any]) -> dict[str, Tensor]:
        rows = [[self.tokens(text) for text in some] for some in texts]
        rows = [[(ids, at) for ids, at in row if len(ids) <= self.places] for row in rows]  # far longer than any that there are
        packed = [(i, some) for i, row in enumerate(rows) for some in bins(row)]
        b, n = len(scenes), max(len(s.frames) for s in scenes)
        length = max(1, max((sum(len(ids) for _, ids, _ in some) for _, some in packed), default=1))
        frames = np.zeros((b, n, scenes[0].frames.shape[1]), np.float32)
        times, mask = np.zeros((b, n), np.float32), np.zeros((b, n), bool)
        holds, begins = np.zeros((b, n, len(self.kinds)), np.float32), np.zeros((b, n, len(self.kinds)), np.float32)
        known = np.zeros((b, n, len(self.kinds)), bool)
        for i, scene in enumerate(scenes):
            k = len(scene.frames)
            frames[i, :k], times[i, :k], mask[i, :k] = scene.frames, scene.times, heard[i]
            if self.kinds:
                holds[i, :k], begins[i, :k], known[i, :k] = truth(scene, self.kinds)
        r = len(packed)
        tokens, positions = np.zeros((r, length), np.int64), np.zeros((r, length), np.int64)
        owner, target = np.full((r, length), -1, np.int64), np.full((r, length), -100, np.int64)
        for i, (_, some) in enumerate(packed):
            at = 0
            for number, ids, begin in some:
                size = len(ids)
                tokens[i, at : at + size], positions[i, at : at + size], owner[i, at : at + size] = ids, np.arange(size), number
                first = 1 if self.whole else begin
                target[i, at + first - 1 : at + size - 1] = ids[first:]
                at += size
        arrays: Mapping[str, Any] = {
            "frames": frames, "times": times, "mask": mask, "tokens": tokens, "positions": positions, "texts": owner,
            "scene": np.array([i for i, _ in packed], np.int64), "target": target, "holds": holds, "begins": begins, "known": known,
        }  # fmt: skip
        return {name: torch.from_numpy(value) for name, value in arrays.items()}


def bins(texts: Sequence[tuple[list[int], int]]) -> list[list[tuple[int, list[int], int]]]:
    """Texts, each with its number, laid in rows of about ROW tokens, the longest first."""
    rows: list[list[tuple[int, list[int], int]]] = []
    room: list[int] = []
    for number in sorted(range(len(texts)), key=lambda i: -len(texts[i][0])):
        ids, begin = texts[number]
        at = next((i for i, left in enumerate(room) if left >= len(ids)), None)
        if at is None:
            at = len(rows)
            rows.append([])
            room.append(max(ROW, len(ids)))
        rows[at].append((number, ids, begin))
        room[at] -= len(ids)
    return rows
