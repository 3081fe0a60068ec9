"""Sixteen defects of harnesses that people use (seen in their sources in 2026), each as a fixture, each caught here.

Beside most of them stands what the defect does (``defective``), so that a test says by how much its number was wrong.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from speakers import RATE, WORDS, Scorer, Speaker, Towers, items, listens, name_of, pitch_of, task

from auricle.data.items import Item, Question
from auricle.data.sets import get as descriptor
from auricle.errors import DataError, UsageError
from auricle.evaluation import grading, linter, predictions
from auricle.evaluation.benchmark import benchmarks
from auricle.evaluation.benchmark import read as read_benchmark
from auricle.evaluation.harness import checked, compared, measure
from auricle.evaluation.kinds import get
from auricle.evaluation.kinds.asking import chosen_prompt
from auricle.evaluation.outcomes import Outcome, columns
from auricle.evaluation.score import difference
from auricle.evaluation.statistics import bootstrap


def rules(findings, level):
    return {finding.rule for finding in findings if finding.level == level}


def test_01_ten_texts_for_five_thousand_queries():
    """MTEB UrbanSound8KT2ARetrieval: the most that can be found at 5 is 1 %."""
    queries = [f"a sound of class {n % 10}" for n in range(5090)]
    assert linter.ceiling(queries, 5) == pytest.approx(50 / 5090)
    assert rules(linter.of_texts(queries, queries), "error") == {"ceiling<5%"}
    assert not rules(linter.of_texts([f"caption {n}" for n in range(5090)], ["x"]), "error")


def test_01_the_harness_does_not_measure_it(tmp_path):
    made = [replace(item, captions=(item.labels[0],)) for item in items(tmp_path, 60)]
    with pytest.raises(DataError, match="ceiling: 60 queries are 3 texts"):
        measure(Towers(), task(tmp_path, "retrieval", "R@5", made))


def test_02_documents_without_text(tmp_path):
    """MTEB's copy of Clotho v1: 905 of 5,585."""
    captions = [f"caption {n}" for n in range(5585)]
    documents = ["" if n < 905 else text for n, text in enumerate(captions)]
    found = linter.of_texts(captions, documents)
    assert [f.message for f in found if f.rule == "empty"] == ["905 of 5585 documents have no words"]
    made = [replace(item, captions=("…",) if item.id == "003" else item.captions) for item in items(tmp_path)]
    with pytest.raises(DataError, match="empty: 1 of 47 queries have no words"):
        measure(Towers(), task(tmp_path, "retrieval", "R@1", made))


def test_03_one_text_of_several_clips(tmp_path):
    """AudioCaps: 71 captions describe more than one clip; finding another of them was counted as wrong."""
    made = items(tmp_path)
    made[4] = replace(made[4], captions=(made[1].captions[0].upper(), made[4].captions[1]))
    one = task(tmp_path, "retrieval", "R@10", made)
    run = measure(Towers(), one, controls=False)
    assert "duplicate-queries" in rules(run.lint, "warning")
    shared = next(o for o in run.outcomes if o.id == "001#1")
    assert shared.truth == ["001", "004"]
    assert run.scores[0].n == 47  # asked once
    assert run.scores[0].how.data_hash != measure(Towers(), task(tmp_path, "retrieval", "R@10"), controls=False).scores[0].how.data_hash


def test_04_a_hook_that_is_never_called(tmp_path):
    """MTEB UrbanSound8k: ``dataset_transform`` stood outside its class by a wrong indent. Here a key in the wrong place is an error."""
    path = tmp_path / "mine.yaml"
    good = "name: mine\ntitle: Mine\nset: esc50\nkind: few_shot\nmetric: accuracy\nprotocol_from: ours\nsettings:\n  hold: fold\n"
    path.write_text(good)
    assert read_benchmark(path).settings == {"hold": "fold"}
    path.write_text(good.replace("settings:\n  hold: fold", "settings: {}\nhold: fold"))
    with pytest.raises(DataError, match=r"mine\.yaml: hold: Extra inputs are not permitted"):
        read_benchmark(path)
    with pytest.raises(DataError, match="has no setting 'shufle'"):
        measure(Towers(), task(tmp_path, "answering", "accuracy", items(tmp_path), shufle=True))


@pytest.mark.parametrize("kind", ["answering", "captioning", "retrieval", "zero_shot"])
def test_04_every_hook_is_called(tmp_path, monkeypatch, kind):
    called = []
    own = type(get(kind))
    hooks = [name for name in vars(own) if not name.startswith("_") and callable(getattr(own, name))]
    for name in hooks:
        monkeypatch.setattr(own, name, _noted(called, name, getattr(own, name)))
    metric = {"answering": "accuracy", "captioning": "ROUGE-L", "retrieval": "R@1", "zero_shot": "accuracy"}[kind]
    model = Speaker(lambda heard, prompt: "a tone") if kind == "captioning" else Towers()
    measure(model, task(tmp_path, kind, metric))
    assert set(hooks) >= {"check", "lint", "answer", "score"}
    assert set(called) == set(hooks)


def _noted(called, name, work):
    def wrapped(*args, **more):
        called.append(name)
        return work(*args, **more)

    return wrapped


def written(path, made, key="model_prediction", leave=()):
    asked = [(item.id, item.questions[0]) for item in made if item.id not in leave]
    path.write_text(json.dumps([{"id": id, "choices": list(question.options), key: question.answer} for id, question in asked]))
    return path


def test_05_missing_answers_stay_in_the_denominator(tmp_path):
    """MMAU's script drops them: half an answer file looked as good as a whole one."""
    made = items(tmp_path)
    one = task(tmp_path, "answering", "accuracy", made)
    whole = predictions.measure(predictions.read(written(tmp_path / "all.json", made)), one)
    half = predictions.measure(predictions.read(written(tmp_path / "half.json", made, leave={i.id for i in made[::2]})), one)
    defective = np.mean([o.value for o in half.outcomes if o.status != "skipped"])
    assert whole.scores[0].value == defective == 1.0
    assert half.scores[0].value == 0.5
    assert half.scores[0].n == 24
    assert columns(half.outcomes) == {"n": 24, "ok": 12, "unparsed": 0, "refused": 0, "skipped": 12, "truncated": 0, "failed": 0}
    assert "12 of 24 questions have no answer; they count as wrong" in [f.message for f in half.lint]


def test_06_two_names_for_the_same_key(tmp_path):
    """MMAU: the README says ``model_prediction``, the script reads ``model_output`` and finds nothing."""
    made = items(tmp_path)
    one = task(tmp_path, "answering", "accuracy", made)
    for key, warned in (("model_prediction", False), ("model_output", True)):
        run = predictions.measure(predictions.read(written(tmp_path / f"{key}.json", made, key)), one)
        assert run.scores[0].value == 1.0
        assert any("model_output" in f.message for f in run.lint) == warned
    with pytest.raises(DataError, match="holds no answers"):
        predictions.read(written(tmp_path / "other.json", made, "prediction"))


def test_07_no_guess_for_what_cannot_be_read(tmp_path):
    """``random.choice`` for unparsed answers in lmms-eval (six tasks), VoiceBench, UltraEval, Kimi: a third right for nothing."""
    vague = Speaker(lambda heard, prompt: "It is a sound.")
    run = measure(vague, task(tmp_path, "answering", "accuracy", items(tmp_path, 60)), controls=False)
    rng = random.Random(0)
    defective = np.mean([rng.choice(("low", "middle", "high")) == o.truth for o in run.outcomes])
    assert defective > 0.2
    assert run.scores[0].value == 0
    assert columns(run.outcomes)["unparsed"] == 60
    with pytest.raises(ValueError, match="gives no points"):
        Outcome("a", "dog", status="unparsed", value=1.0)


def test_08_a_model_that_is_not_given_the_sound(tmp_path):
    """lmms-eval #1081: ``audios=`` was ignored, every answer came from the text alone."""

    class Ignores(Speaker):
        def generate(self, audios, prompt, *, seed=0, max_tokens=256, **ignored):
            yield from super().generate([], prompt, seed=seed, max_tokens=max_tokens)

    made = [replace(i, questions=(Question("Which tone is it?", i.labels[0], ("low", "middle", "high")),)) for i in items(tmp_path)]
    biased = made[::3] + made[1::3][:1]  # nearly always low: it looks as if it could hear
    run = measure(Ignores(lambda heard, prompt: "low"), task(tmp_path, "answering", "accuracy", biased))
    assert run.scores[0].value > 0.8
    assert run.gain.value == 0
    assert any(alarm.startswith("deaf") for alarm in run.alarms)
    assert any("the sound changes nothing" in alarm for alarm in run.alarms)
    hears = measure(Speaker(listens), task(tmp_path, "answering", "accuracy"))
    assert not hears.alarms


def test_09_prompts_are_chosen_by_the_item():
    """AudioBench: an unseeded ``random.choice`` of the instruction for each item, other figures in each run."""
    prompts = ["Say what is heard.", "Describe the sound.", "What is it?"]
    made = [Item(id=f"{n}") for n in range(60)]
    first = {item.id: chosen_prompt(prompts, item) for item in made}
    assert first == {item.id: chosen_prompt(prompts, item) for item in reversed(made)}
    assert set(first.values()) == set(prompts)


def test_10_a_judge_that_cannot_be_read_is_no_zero(tmp_path):
    """AudioBench: an unparsable judgement is 0; lmms-eval: it crashes, and the judge is asked at temperature 0.7."""

    class Judge(Speaker):
        def generate(self, audios, prompt, *, seed=0, max_tokens=256):
            assert seed == 0
            assert not audios
            yield "Yes." if "piercing" in prompt else "No." if "hum" in prompt else "Perhaps"

    judge = Judge(None, name="judge@1", pipeline_id="judge@1:0")
    made = [replace(i, questions=(Question("What is it?", WORDS[i.labels[0]][1]),)) for i in items(tmp_path)]
    says = {"low": "hum", "middle": "something", "high": "a piercing beep"}
    one = task(tmp_path, "answering", "accuracy", made, judge=judge)
    run = measure(Speaker(lambda heard, prompt: says.get(heard, "nothing")), one, controls=False)
    found = {s.metric: s for s in run.scores}
    assert found["tones judged right"].value == pytest.approx(8 / 24)
    assert found["tones judged right"].notes == ("8 of 24 could not be judged; they count as wrong",)
    assert run.details["judge"] == {"model": "judge@1:0", "n": 24, "flipped": 0, "judge_failed": 8}
    assert found["tones accuracy"].value == 0  # the rule stays beside it
    torn = iter(["yes", "no", "yes"])

    class Torn(Judge):
        def generate(self, audios, prompt, *, seed=0, max_tokens=256):
            yield next(torn)

    assert grading.graded(Torn(None), "What?", ("a",), "b") == grading.Verdict(True, 1)
    assert grading.graded(judge, "What?", ("a",), "b") == grading.Verdict(None)


def test_11_what_is_too_long_or_too_short_is_not_left_out(tmp_path):
    """Kimi-Evalkit: sounds over 60 s or under 0.1 s are skipped with a line in the log, and the score is of the others."""
    made = items(tmp_path)
    soundfile.write(tmp_path / "000.wav", np.zeros(0), RATE)  # none at all
    long = 0.2 * np.sin(2 * np.pi * 660 * np.arange(61 * RATE) / RATE)
    soundfile.write(tmp_path / "001.wav", long, RATE)
    run = measure(Speaker(listens, longest=30.0), task(tmp_path, "answering", "accuracy", made), controls=False)
    assert run.scores[0].n == 24
    assert columns(run.outcomes)["failed"] == 1
    assert run.scores[0].value == pytest.approx(23 / 24)
    seconds = run.document()["seconds"]
    assert seconds["given"] - seconds["heard"] == pytest.approx(31, abs=0.01)  # cut off, and told


def test_12_a_changed_sound_is_asked_anew(tmp_path):
    """lmms-eval's cache has no sound in its key."""
    made = items(tmp_path / "data")
    one = task(tmp_path / "data", "answering", "accuracy", made)
    model = Speaker(listens)
    first = measure(model, one, cache=tmp_path / "cache", controls=False)
    measure(model, one, cache=tmp_path / "cache", controls=False)
    assert len(model.asked) == 24  # a second run asks nothing
    (tmp_path / "data/000.wav").write_bytes((tmp_path / "data/001.wav").read_bytes())
    again = measure(model, one, cache=tmp_path / "cache", controls=False)
    assert first.scores[0].value == 1.0
    assert again.scores[0].value == pytest.approx(23 / 24)
    assert again.scores[0].how.data_hash != first.scores[0].how.data_hash


def test_13_unlike_metrics_have_no_average(tmp_path):
    """UltraEval averages 100 − WER, which has no lower bound, with accuracy."""
    said = measure(Speaker(lambda heard, prompt: "a tone " * 20), task(tmp_path, "captioning", "ROUGE-L", also=["WER"]), controls=False)
    other = measure(Speaker(listens), task(tmp_path, "answering", "accuracy"), controls=False)
    wer = next(s for s in said.scores if s.metric.endswith("WER"))
    assert wer.value > 1  # 100 − WER would be below 0
    with pytest.raises(UsageError, match="measured differently"):
        difference(wer, other.scores[0])
    assert compared([said, other]) == []
    with pytest.raises(DataError, match="no metric 'WER'"):
        measure(Speaker(listens), task(tmp_path, "captioning", "WER"))


def test_14_what_was_trained_on_is_told_by_sets():
    """MS-CLAP declares ``ClothoA2T``; ``ClothoT2A`` counted as never seen. A benchmark names its set, so that both ways are one."""
    of_clotho = {b.name for b in benchmarks().values() if b.set == "clotho"}
    assert of_clotho == {"clotho-retrieval", "clotho-captions"}
    way = get("retrieval")
    assert way.name == "retrieval"  # one task asks both ways, over the same items
    assert any(shared.other == "clotho" for shared in descriptor("clothoaqa").overlaps)


def test_15_takes_of_one_source_are_no_independent_items(tmp_path):
    """UrbanSound8K in random folds: slices of one recording on both sides; and an interval that counts each as independent."""
    made = items(tmp_path, 60, sources=6)
    bare = [replace(item, clip="", extra={"sound_id": item.clip}) for item in made]
    with pytest.raises(DataError, match=r"groups: 60 items tell extra\.sound_id, but no clip"):
        measure(Towers(), task(tmp_path, "answering", "accuracy", bare, claim="{option}"))
    right = [float(item.clip not in ("clip:0", "clip:3")) for item in made]
    defective = bootstrap(right)
    honest = bootstrap(right, clusters=[item.clip for item in made])
    assert honest.high - honest.low > 2 * (defective.high - defective.low)
    run = measure(Towers(), task(tmp_path, "answering", "accuracy", made, claim="{option}"), controls=False)
    assert run.scores[0].clusters == 6
    assert any("only 6 sources" in note for note in run.scores[0].notes)
    folds = [replace(i, questions=(), labels=(("low", "high")[n // 6 % 2],)) for n, i in enumerate(made)]
    for hold, place in (("random", lambda n: n // 12 % 2), ("fold", lambda n: n % 6 // 3)):  # six sources, taken in turn
        parts = [replace(i, extra={hold: str(place(n))}) for n, i in enumerate(folds)]
        found = checked(task(tmp_path, "few_shot", "accuracy", parts, hold=hold), get("few_shot"), anyway=True)
        assert ("groups" in rules(found, "error")) == (hold == "random")


def test_16_the_rate_travels_with_the_sound(tmp_path):
    """MTEB's msclap: 48 kHz read as 44.1 kHz. Every model is given the rate of what it is given."""
    made = items(tmp_path)
    for item in made[:12]:  # the same tones at another rate
        samples, rate = soundfile.read(tmp_path / item.audio)
        at = np.interp(np.arange(len(samples) * 3) / 3, np.arange(len(samples)), samples)
        soundfile.write(tmp_path / item.audio, at, rate * 3)
    model = Speaker(listens)
    run = measure(model, task(tmp_path, "answering", "accuracy", made))
    assert run.scores[0].value == 1.0
    assert {rate for *_, rates, _ in model.asked for rate in rates} == {RATE, 3 * RATE}

    class Deafened(Scorer):  # what the defect does: the rate is taken to be its own
        def score(self, audios, prompt, options):
            wrong = [type(a)(a.samples, RATE) for a in audios]
            return super().score(wrong, prompt, options)

    fits = lambda heard, option: float(heard == option)  # noqa: E731
    assert measure(Deafened(fits), task(tmp_path, "answering", "accuracy", made), controls=False).scores[0].value < 0.8
    assert name_of(pitch_of(task(tmp_path, "answering", "accuracy", made).held.open(made[0]))) == "low"
