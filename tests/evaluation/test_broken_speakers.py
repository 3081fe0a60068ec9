"""Models that are broken on purpose, each caught by what the harness says of it without being asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from speakers import PITCHES, WORDS, Scorer, Speaker, Towers, items, letter_of, task

from auricle.evaluation.harness import measure

TURNED = dict(zip(PITCHES, [*list(PITCHES)[1:], next(iter(PITCHES))], strict=True))


def alarmed(run, *words):
    return [alarm for alarm in run.alarms if alarm.startswith(words)]


def test_shuffled_labels(tmp_path):
    """It hears, and calls everything by another's name: worse than chance."""
    for model, kind, settings in (
        (Speaker(lambda heard, prompt: letter_of(prompt, TURNED.get(heard, "low"))), "answering", {}),
        (Towers(turned=1), "answering", {"claim": "{option}"}),
    ):
        run = measure(model, task(tmp_path, kind, "accuracy", **settings))
        assert run.scores[0].high < run.scores[0].baselines["chance"]
        assert alarmed(run, "deaf")
        assert not alarmed(run, "constant")
    run = measure(Towers(turned=1), task(tmp_path, "retrieval", "R@10"))
    assert run.scores[0].value == 0
    assert alarmed(run, "deaf")


@pytest.mark.parametrize("kind", ["answering", "captioning"])
def test_a_constant_answer(tmp_path, kind):
    model = Speaker(lambda heard, prompt: "low" if kind == "answering" else WORDS["low"][0])
    run = measure(model, task(tmp_path, kind, {"answering": "accuracy", "captioning": "CIDEr-D"}[kind]))
    assert alarmed(run, "constant")
    assert alarmed(run, "deaf")
    assert alarmed(run, "the sound changes nothing")
    assert run.gain.value == 0


def test_deaf(tmp_path):
    """The text alone decides: a third right, or more where the text tells."""
    for model, kind, metric in (
        (Speaker(lambda heard, prompt: "A"), "answering", "accuracy"),
        (Scorer(lambda heard, option: -len(option)), "answering", "accuracy"),
        (Towers(deaf=True), "retrieval", "R@10"),
        (Towers(deaf=True), "zero_shot", "accuracy"),
    ):
        run = measure(model, task(tmp_path, kind, metric))
        assert alarmed(run, "deaf"), kind
        assert alarmed(run, "the sound changes nothing"), kind


def test_a_leaked_label(tmp_path):
    """It knows the answers by heart, by prompt or by file: without any sound it is as good, and the name of the file is not told."""
    made = []
    for item in items(tmp_path):
        (asked,) = item.questions
        made.append(replace(item, questions=(replace(asked, question=f"Question {item.id}: which tone is it?"),)))
    one = task(tmp_path, "answering", "accuracy", made)
    known = {item.questions[0].question: item.questions[0].answer for item in made}
    run = measure(Speaker(lambda heard, prompt: f"The answer is ({letter_of(prompt, known[prompt.splitlines()[0]])})."), one)
    assert run.scores[0].value == 1.0
    assert run.gain.value == 0
    assert alarmed(run, "deaf")
    assert alarmed(run, "the sound changes nothing")

    class ReadsNames(Speaker):
        def generate(self, audios, prompt, *, seed=0, max_tokens=256):
            names = {item.audio: item.questions[0].answer for item in made}
            yield letter_of(prompt, next((answer for name, answer in names.items() if audios and name in audios[0].source), ""))

    run = measure(ReadsNames(None), one)
    assert run.scores[0].value == 0
    assert run.document()["columns"]["unparsed"] == 24
