"""Questions: models that speak, that score and that compare, measured by the harness; every answer has its column."""

from __future__ import annotations

import pytest
from speakers import Both, Scorer, Speaker, Towers, items, letter_of, listens, task

from auricle.data.items import Item, Question
from auricle.errors import DataError, ModelError
from auricle.evaluation.harness import measure
from auricle.evaluation.kinds.answering import Answering, questions
from auricle.models.capabilities import Cut


def test_who_listens_is_right_and_hearing_is_what_it_has_it_from(tmp_path):
    model = Speaker(listens)
    run = measure(model, task(tmp_path, "answering", "accuracy"))
    score = run.scores[0]
    assert (score.value, score.n, score.clusters) == (1.0, 24, 24)
    assert score.baselines["chance"] == pytest.approx(1 / 3)
    assert set(run.controls) == {"silence", "noise", "other", "none"}
    assert run.gain.low > 0.3
    assert not run.alarms
    assert run.details["read_by"] == {"letter": 24}
    assert set(run.details["chosen_places"]) == {"1", "2", "3"}
    assert {count for count, *_ in model.asked} == {0, 1}  # without sound it was given none
    assert score.how.details["rendering"] == "generation"
    assert score.how.details["parser"] == "choice-1"
    assert run.document()["seconds"] == {"given": pytest.approx(9.6), "heard": pytest.approx(9.6)}


@pytest.mark.parametrize("model", [Scorer(lambda heard, option: 0.0 if heard == option else -5.0), Towers()], ids=["scores", "compares"])
def test_likelihood_and_similarity(tmp_path, model):
    run = measure(model, task(tmp_path, "answering", "accuracy", claim="a {option} tone"))
    assert run.scores[0].value == 1.0
    assert run.gain.low > 0.3
    assert ("none" in run.controls) == isinstance(model, Scorer)
    assert run.scores[0].how.details["rendering"] == ("likelihood" if isinstance(model, Scorer) else "similarity")
    silent = Answering()
    silent.check(model)
    assert "claim" in run.scores[0].how.details


def test_words_first_then_likelihood(tmp_path):
    model = Both(lambda heard, prompt: "I wonder." if heard == "low" else listens(heard, prompt))
    model.fits = lambda heard, option: 0.0 if heard == option else -5.0
    run = measure(model, task(tmp_path, "answering", "accuracy"), controls=False)
    assert run.scores[0].value == 1.0
    assert run.details["read_by"] == {"letter": 16, "likelihood": 8}
    assert run.scores[0].how.details["rendering"] == "generation, then likelihood"


def test_columns_add_up_and_n_stays(tmp_path):
    said = {
        "low": lambda prompt: "Hard to tell.",
        "middle": lambda prompt: "I'm sorry, I cannot hear audio.",
        "high": lambda prompt: [letter_of(prompt, "high"), ")"],
    }
    made = items(tmp_path)
    (tmp_path / "005.wav").unlink()
    (tmp_path / "008.wav").write_bytes(b"no sound")
    model = Speaker(lambda heard, prompt: said[heard](prompt))
    run = measure(model, task(tmp_path, "answering", "accuracy", made, absent=["005"]), controls=False)
    columns = run.document()["columns"]
    assert columns == {"n": 24, "ok": 6, "unparsed": 8, "refused": 8, "skipped": 1, "truncated": 0, "failed": 1}
    assert run.scores[0].value == pytest.approx(6 / 24)
    assert run.scores[0].n == 24
    reasons = {o.id: o.reason for o in run.outcomes if o.status in ("refused", "unparsed")}
    assert reasons["000"] == "Hard to tell."


def test_cut_off_and_half_heard(tmp_path):
    model = Speaker(lambda heard, prompt: ["Let me think", Cut("")], longest=0.1)
    run = measure(model, task(tmp_path, "answering", "accuracy"), controls=False)
    assert run.document()["columns"]["truncated"] == 24
    assert run.document()["seconds"] == {"given": pytest.approx(9.6), "heard": pytest.approx(2.4)}


def test_what_compares_and_prefers_nothing_has_not_answered(tmp_path):
    run = measure(Towers(deaf=True), task(tmp_path, "answering", "accuracy", claim="{option}"), controls=False)
    assert run.document()["columns"]["unparsed"] == 24
    assert run.scores[0].value == 0


def asked(*answers, question="Does it rain?", kind="yes/no", options=()):
    return [Question(question, answer, options, kind if answer in ("yes", "no") else "") for answer in answers]


def people(tmp_path):
    """Two sounds with the answers of three people."""
    made = items(tmp_path, 2)
    words = asked("a dog", "Dog", "cat", question="What barks?", kind="")
    number = asked("two", "2", "2", question="How many?", kind="")
    first = [*asked("yes", "yes", "no"), *asked("no", "no", "no", question="Is it loud?"), *words, *number]
    second = asked("yes", "no", "maybe")
    return [Item(**_fields(item), questions=tuple(own)) for item, own in zip(made, (first, second), strict=True)]


def _fields(item):
    return {name: getattr(item, name) for name in ("id", "audio", "clip", "labels", "captions", "split")}


def test_answers_of_several_people(tmp_path):
    made = people(tmp_path)
    majority = questions(task(tmp_path, "answering", "accuracy", made, answers="majority"))
    assert [(a.id, a.right, a.options) for a in majority] == [
        ("000#1", ("yes",), ("yes", "no")), ("000#2", ("no",), ("yes", "no")), ("000#3", ("a dog",), ()), ("000#4", ("two",), ()),
    ]  # fmt: skip
    unanimous = questions(task(tmp_path, "answering", "accuracy", made, answers="unanimous"))
    assert [a.id for a in unanimous] == ["000#2", "000#4"]  # two is 2
    assert [a.id for a in questions(task(tmp_path, "answering", "accuracy", made, answers="unanimous", only="yes/no"))] == ["000#2"]
    everything = questions(task(tmp_path, "answering", "accuracy", made))
    assert everything[2].right == ("a dog", "cat")
    findings = Answering().lint(task(tmp_path, "answering", "accuracy", made, answers="majority"))
    told = [f.message for f in findings if f.rule == "agreement"]
    assert told == ["1 questions are not asked: of those asked the answers agree (majority)"]


def test_open_questions_are_right_by_their_words(tmp_path):
    made = people(tmp_path)
    one = task(tmp_path, "answering", "accuracy", made, answers="majority", prompts=("{question} In a word.",))
    says = {"Does": "Yes, it does.", "Is": "No", "What": "The dog.", "How": "There are two of them"}
    run = measure(Speaker(lambda heard, prompt: says[prompt.split()[0]]), one, controls=False)
    assert [o.value for o in run.outcomes] == [1, 1, 1, 0]  # a sentence is not the word that was asked for
    assert [s.metric for s in run.scores] == ["tones accuracy", "tones answer named"]
    assert run.scores[1].value == 1.0
    assert "chance" not in run.scores[0].baselines
    with pytest.raises(ModelError, match="generates no text, and tones asks for words"):
        measure(Towers(), one)


def test_options_are_dealt_by_the_question_not_by_chance(tmp_path):
    made = [Item(**_fields(i), questions=(Question("Which?", "low", ("low", "middle", "high")),)) for i in items(tmp_path)]
    orders = [[a.options for a in questions(task(tmp_path, "answering", "accuracy", some, shuffle=True))] for some in (made, made[::-1])]
    assert orders[0] == orders[1][::-1]
    assert len(set(orders[0])) > 3
    assert all(a.options[a.place] == "low" for a in questions(task(tmp_path, "answering", "accuracy", made, shuffle=True)))


def test_what_it_cannot_ask(tmp_path):
    with pytest.raises(ModelError, match="cannot be asked questions"):
        measure(object.__new__(type("Mute", (), {"name": "mute"})), task(tmp_path, "answering", "accuracy"))
    for settings in ({"answers": "most"}, {"answer": "any"}):
        with pytest.raises(DataError):
            measure(Towers(), task(tmp_path, "answering", "accuracy", **settings))
    bare = [Item(**_fields(item)) for item in items(tmp_path)]
    with pytest.raises(DataError, match="hold no questions"):
        measure(Towers(), task(tmp_path, "answering", "accuracy", bare))
    with pytest.raises(ModelError, match="gives no likelihoods"):
        measure(Scorer(lambda heard, option: float("nan")), task(tmp_path, "answering", "accuracy"))
