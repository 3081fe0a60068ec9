"""Texts and sounds found by one another, captions, and pairs that differ in one thing: measured by the harness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from speakers import PITCHES, WORDS, Scorer, Speaker, Towers, items, task

from auricle.errors import DataError, ModelError
from auricle.evaluation.harness import measure
from auricle.evaluation.kinds.retrieval import merged, signature


def shared(tmp_path, n=24):
    """Tones whose captions are those of their kind: the clips of one have the same two."""
    return [replace(item, captions=WORDS[item.labels[0]]) for item in items(tmp_path, n)]


def test_captions_that_are_the_same_are_one_query_and_all_its_clips_are_right(tmp_path):
    made = shared(tmp_path, 36)
    asked = merged([replace(made[0], captions=("A low hum goes on!", "a deep tone")), *made[1:]])
    assert len(asked.texts) == 7
    assert asked.clips[0] == tuple(range(0, 36, 3))
    assert asked.of[0] == (0, 1)
    with pytest.raises(DataError, match="ceiling: 72 queries are 6 texts"):
        measure(Towers(), task(tmp_path, "retrieval", "R@1", made))
    run = measure(Towers(), task(tmp_path, "retrieval", "R@1", made), anyway=True)
    found = {score.metric: score for score in run.scores}
    assert found["tones text to audio R@1"].n == 6
    assert found["tones audio to text R@1"].n == 36
    assert all(score.value == 1.0 for name, score in found.items() if "R@" in name)
    assert found["tones text to audio R@1"].baselines["chance"] == pytest.approx(1 / 3)
    assert found["tones text to audio R@1"].clusters == 3  # what shares a caption is one source
    assert run.scores[0].how.details["signature"] == signature("R@1")


def test_a_clip_among_others_of_its_kind(tmp_path):
    run = measure(Towers(), task(tmp_path, "retrieval", "mAP@10"))
    found = {score.metric.removeprefix("tones "): score for score in run.scores}
    assert run.scores[0].metric == "tones text to audio mAP@10"
    assert found["text to audio R@1"].n == 48
    # eight clips are equally near to each caption: the one that is meant comes last
    assert found["text to audio R@5"].value == 0
    assert found["text to audio R@10"].value == 1
    assert found["text to audio mAP@10"].value == pytest.approx(1 / 8)
    assert {o.id for o in run.outcomes} >= {"000", "000#1", "000#2"}
    assert set(run.controls) == {"silence", "noise", "other"}


def test_a_model_that_says_the_same_to_all_finds_nothing(tmp_path):
    run = measure(Towers(deaf=True), task(tmp_path, "retrieval", "R@1"))
    assert [score.value for score in run.scores if "R@1 " in f"{score.metric} "] == [0, 0]
    assert any(alarm.startswith("deaf") for alarm in run.alarms)
    assert any("the sound changes nothing" in alarm for alarm in run.alarms)


def test_clips_that_cannot_be_heard_stay_in_n(tmp_path):
    made = items(tmp_path)
    (tmp_path / "004.wav").write_bytes(b"no sound")
    run = measure(Towers(), task(tmp_path, "retrieval", "R@10", made, absent=["007"]), controls=False)
    columns = run.document()["columns"]
    assert columns["n"] == 72
    assert columns["failed"] == columns["skipped"] == 3  # the clip itself, and its two captions
    assert run.scores[0].value == pytest.approx(44 / 48)


def test_numbers_that_are_none_are_no_result(tmp_path):
    class Broken(Towers):
        def embed_text(self, texts):
            return np.full((len(texts), self.dim), np.nan, np.float32)

    with pytest.raises(ModelError, match="gives no numbers"):
        measure(Broken(), task(tmp_path, "retrieval", "R@1"))
    with pytest.raises(DataError, match="no metric 'accuracy'"):
        measure(Towers(), task(tmp_path, "retrieval", "accuracy"))
    with pytest.raises(DataError, match="have no caption"):
        measure(Towers(), task(tmp_path, "retrieval", "R@1", [replace(i, captions=()) for i in items(tmp_path)]))


# ---------------------------------------------------------------------------------------------------------------- captions


def describes(heard, prompt):
    return f"{WORDS[heard][0]}." if heard in WORDS else "Something is heard."


def test_captions_are_as_good_as_their_words(tmp_path):
    one = task(tmp_path, "captioning", "CIDEr-D", prompts=("What is heard?",), also=["ROUGE-L"])
    run = measure(Speaker(describes), one)
    assert [score.metric for score in run.scores] == ["tones CIDEr-D", "tones ROUGE-L"]
    assert run.scores[0].value > 1
    assert run.scores[1].value > 0.6
    assert run.gain.low > 0.5
    assert not run.alarms
    assert set(run.controls) == {"silence", "noise", "other", "none"}
    assert run.scores[0].how.details["signature"].startswith("cider-d|v1|tokenizer:words-1")
    assert run.scores[1].how.details["signature"].startswith("rouge-l|v1|")


def test_no_caption_scores_nothing_and_has_its_column(tmp_path):
    says = {"low": "", "middle": "I'm sorry, I can't listen.", "high": "a shrill whistle"}
    one = task(tmp_path, "captioning", "ROUGE-L", also=["BLEU-4", "WER"])
    run = measure(Speaker(lambda heard, prompt: says[heard]), one, controls=False)
    assert run.document()["columns"] == {"n": 24, "ok": 8, "unparsed": 8, "refused": 8, "skipped": 0, "truncated": 0, "failed": 0}
    assert [o.value for o in run.outcomes if o.status != "ok"] == [0] * 16
    found = {score.metric: score for score in run.scores}
    assert found["tones ROUGE-L"].value == pytest.approx(np.mean([o.value for o in run.outcomes]))
    assert found["tones WER"].value > 0.6
    assert "sacrebleu:" in found["tones BLEU-4"].how.details["signature"]


def test_who_only_compares_chooses_from_captions_where_it_may(tmp_path):
    made = items(tmp_path)
    others = [replace(item, id=f"t{item.id}", clip=f"other:{item.id}", split="train") for item in made[:3]]
    with pytest.raises(ModelError, match="gives it no captions to choose from"):
        measure(Towers(), task(tmp_path, "captioning", "ROUGE-L", made, others=others))
    one = task(tmp_path, "captioning", "ROUGE-L", made, others=others, among=["train"])
    run = measure(Towers(), one, controls=False)
    assert run.details["rendering"] == "nearest caption of train"
    assert run.document()["columns"]["unparsed"] == 24  # both captions of its kind are equally near: none was chosen
    alone = [replace(other, captions=other.captions[:1]) for other in others]
    run = measure(Towers(), task(tmp_path, "captioning", "ROUGE-L", made, others=alone, among=["train"]))
    assert run.document()["columns"]["ok"] == 24
    assert run.scores[0].value > 0.8
    assert run.gain.low > 0.2
    same = [replace(other, clip=item.clip) for other, item in zip(alone, made, strict=False)]
    with pytest.raises(ModelError, match="gives it no captions to choose from"):  # of the clips that are asked about: none
        measure(Towers(), task(tmp_path, "captioning", "ROUGE-L", made, others=same, among=["train"]))


# --------------------------------------------------------------------------------------------------------------- contrasts


def pairs(tmp_path):
    """Twelve pairs of tones, a low with a middle and so on."""
    made = items(tmp_path)
    found = []
    for group in range(12):
        for member, item in zip(("pair", "reversed"), made[2 * group : 2 * group + 2], strict=True):
            found.append(replace(item, captions=item.captions[:1], extra={"group": str(group), "member": member}))
    return found


@pytest.mark.parametrize("scores", [False, True])
def test_contrasts(tmp_path, scores):
    one = task(tmp_path, "contrasting", "group score", pairs(tmp_path), groups="extra.group")
    model = Scorer(lambda heard, option: float(heard in WORDS and WORDS[heard][0] in option)) if scores else Towers()
    run = measure(model, one)
    assert [score.value for score in run.scores] == [1, 1, 1]
    assert run.scores[0].n == 12
    assert run.scores[0].baselines == {"chance": pytest.approx(1 / 6)}
    assert run.controls["silence"].value == 0  # a tie is no preference
    assert run.gain.low > 0.5


def test_contrasts_that_are_none(tmp_path):
    made = pairs(tmp_path)
    wrong = measure(Towers(turned=1), task(tmp_path, "contrasting", "text score", made, groups="extra.group"), controls=False)
    assert wrong.scores[0].value == 0
    with pytest.raises(DataError, match="have one sound"):
        measure(Towers(), task(tmp_path, "contrasting", "group score", made[:-1], groups="extra.group"))
    same = [*made[:-1], replace(made[-1], captions=made[-2].captions)]
    with pytest.raises(DataError, match="a text twice"):
        measure(Towers(), task(tmp_path, "contrasting", "group score", same, groups="extra.group"))
    with pytest.raises(DataError, match=r"do not say their extra\.group"):
        measure(Towers(), task(tmp_path, "contrasting", "group score", [replace(i, extra={}) for i in made], groups="extra.group"))
    assert set(PITCHES) == set(WORDS)
