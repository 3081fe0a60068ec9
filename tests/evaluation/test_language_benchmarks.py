"""The benchmarks of questions, captions and contrasts as they ship, on stand-ins in the layout of each release: tones that can be heard."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from speakers import PITCHES, WORDS, Scorer, Speaker, Towers, items, letter_of, listens

from auricle.evaluation.benchmark import CORPUS, benchmarks, get
from auricle.evaluation.harness import measure
from auricle.evaluation.loading import load

SPEAKS = {"answering", "captioning", "retrieval", "contrasting"}
N = 12


def put_table(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)


def sounds(top, name_of):
    """The tones under the names of a release; (name, label, number) each."""
    made = items(top / "made", N)
    found = []
    for number, item in enumerate(made):
        to = top / name_of(number)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(top / "made" / item.audio, to)
        found.append((to.name, item.labels[0], number))
    return found


def mmau(top):
    listed = []
    for name, label, number in sounds(top, lambda n: f"test-mini-audios/id-{n}.wav"):
        choices = [*list(PITCHES)[number % 3 :], *list(PITCHES)[: number % 3], "none of them"]
        asked = {
            "question": f"Which tone is it, the {number}th?",
            "choices": choices,
            "answer": label,
            "task": ("sound", "music")[number % 2],
        }
        listed.append(
            {"id": f"id-{number}", "audio_id": f"./test-mini-audios/{name}", "dataset": "AudioSet", "split": "test-mini", **asked}
        )
    (top / "mmau-test-mini.json").write_text(json.dumps(listed))


def clothoaqa(top):
    lines, facts = [["file_name", "QuestionText", "answer", "confidence"]], [["file_name", "sound_link", "license", "keywords"]]
    for name, label, number in sounds(top, lambda n: f"audio_files/tone {n}.wav"):
        lines += [[name, "Is the tone low?", "yes" if label == "low" else "no", "yes"] for _ in range(3)]
        lines += [[name, "Which tone is it?", said, "yes"] for said in (label, label.upper(), "noise")]
        facts.append([name, f"https://freesound.org/people/x/sounds/{number}", "CC0", "tone"])
    for split in ("train", "val"):
        put_table(top / f"clotho_aqa_{split}.csv", lines[0])
    put_table(top / "clotho_aqa_test.csv", *lines)
    put_table(top / "clotho_aqa_metadata.csv", *facts)


def muchomusic(top):
    head = [
        "question",
        "correct_answer",
        "distractor_1_answer",
        "distractor_2_answer",
        "distractor_3_answer",
        "dataset",
        "dataset_identifier",
    ]
    lines = [[*head, "genre", "music_knowledge", "music_reasoning"]]
    songs, clips = [["track_id", "path"]], [["ytid", "start_s", "end_s"]]

    def name_of(n):
        return f"data/musiccaps/audio/[video-{n}]-[0-10].wav" if n % 2 else f"data/sdd/audio/00/{n}.2min.mp3"

    for _, label, number in sounds(top, name_of):
        wrong = [*(other for other in PITCHES if other != label), "a choir"]
        of = ("musiccaps", f"video-{number}_3.json") if number % 2 else ("sdd", f"{number}.json")
        lines.append([f"Which tone leads, the {number}th?", label, *wrong, *of, "Pop", "[]", "[]"])
        songs.append([number, f"00/{number}.mp3"])
        clips.append([f"video-{number}", 0, 10])
    put_table(top / "data/muchomusic.csv", *lines)
    put_table(top / "data/sdd/song_describer.csv", *songs)
    put_table(top / "data/musiccaps/musiccaps-public.csv", *clips)


def audiocaps(top):
    head = ["audiocap_id", "youtube_id", "start_time", "caption"]
    lines = []
    for name, label, number in sounds(top, lambda n: f"test/tone-{n}.wav"):
        lines += [[10 * number + k, name.removesuffix(".wav"), 30, f"{text}, number {number}"] for k, text in enumerate(WORDS[label])]
    put_table(top / "dataset/test.csv", head, *lines)
    put_table(top / "dataset/val.csv", head)
    put_table(top / "dataset/train.csv", head, *([k, f"seen-{k}", 30, texts[0]] for k, texts in enumerate(WORDS.values())))
    for k in range(3):
        shutil.copy(top / "test/tone-0.wav", top / f"seen-{k}.wav")
        (top / "train").mkdir(exist_ok=True)
        (top / f"seen-{k}.wav").rename(top / f"train/seen-{k}.wav")


def clotho(top):
    head = ["file_name", *(f"caption_{k}" for k in range(1, 6))]
    lines = []
    for name, label, number in sounds(top, lambda n: f"evaluation/tone {n}.wav"):
        lines.append([name, *(f"{WORDS[label][k % 2]}, number {number}, said {k}" for k in range(5))])
    put_table(top / "clotho_captions_evaluation.csv", head, *lines)
    put_table(top / "clotho_captions_validation.csv", head)
    put_table(top / "clotho_captions_development.csv", head, *([f"{k}.wav", *([texts[0]] * 5)] for k, texts in enumerate(WORDS.values())))
    (top / "development").mkdir()
    for k in range(3):
        shutil.copy(top / "evaluation/tone 0.wav", top / f"development/{k}.wav")


def compa(top, table, folder, head):
    lines = []
    made = sounds(top, lambda n: f"{folder}/{n}.wav")
    for (a, first, _), (b, second, _) in zip(made[::2], made[1::2], strict=True):
        said = [f"{WORDS[first][0]}, not {second}", f"{WORDS[second][0]}, not {first}"]
        lines.append([*said, a, b] if len(head) == 4 else [*said, a, b, "-", "-"])
    put_table(top / table, head, *lines)


def compa_order(top):
    head = ["pair_caption", "reversed_pair_caption", "pair_file", "reversed_pair_file", "triplet_caption", "triplet_file"]
    compa(top, "CompA_order/CompA_order_benchmark.csv", "CompA_order/CompA_order_files", head)


def compa_attribute(top):
    head = ["pair_caption", "reversed_pair_caption", "pair_file.1", "reversed_pair_file.1"]
    compa(top, "CompA_attribute/Compa-Attribute.csv", "CompA_attribute/CompA_attribute_files", head)


def answers(heard, prompt):
    """Whoever hears the tones answers any of the benchmarks."""
    if prompt.startswith("Is "):
        return "Yes." if heard == "low" else "No."
    if "one word" in prompt:
        return f"{heard}."
    if "sentence" in prompt:
        return WORDS.get(heard, ("a sound",))[0]
    if "Options:" in prompt:
        return heard or "I can hear nothing"
    return listens(heard, prompt) if letter_of(prompt, heard) else "(D)"


def model_for(kind):
    if kind == "retrieval":
        return Towers()
    if kind == "contrasting":
        return Scorer(lambda heard, option: float(heard in WORDS and option.startswith(WORDS[heard][0])))
    return Speaker(answers)


NAMES = sorted(b.name for b in benchmarks().values() if b.kind in SPEAKS and b.set != CORPUS)


def test_all_are_here():
    assert NAMES == [
        "audiocaps-captions", "audiocaps-retrieval", "clotho-captions", "clotho-retrieval", "clothoaqa", "clothoaqa-yesno",
        "compa-attribute", "compa-order", "mmau", "muchomusic",
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_as_it_ships(tmp_path, name):
    benchmark = get(name)
    globals()[benchmark.set](tmp_path)
    task = load(benchmark.model_copy(update={"n": None}), tmp_path)
    assert len(task.items) == N
    model = model_for(benchmark.kind)
    run = measure(model, task)
    document = run.document()
    columns = document["columns"]
    assert columns["ok"] == columns["n"] == sum(columns.values()) - columns["n"]
    full = {"retrieval": 1 / 5, "captioning": 0.5}.get(benchmark.kind, 1.0)
    best = max(score.value for score in run.scores)
    assert (best if benchmark.kind == "retrieval" else run.scores[0].value) >= full
    assert document["scores"][0]["protocol"]["details"]["signature"]
    if benchmark.kind in ("answering", "contrasting"):
        assert run.scores[0].n == (N // 2 if benchmark.kind == "contrasting" else 2 * N if name == "clothoaqa" else N)
        assert run.gain.low > 0
        assert not [alarm for alarm in run.alarms if alarm.startswith("deaf")]
    if name == "mmau":
        assert [row["class"] for row in run.details["per_class"]] == ["music", "sound"]
    if name == "muchomusic":
        assert len(run.details["chosen_places"]) == 4  # the right answer stands first in the table, not in the question
        assert {o.id.partition(":")[0] for o in run.outcomes} == {"sdd", "musiccaps"}
    if name == "clothoaqa-yesno":
        assert {o.truth for o in run.outcomes} == {"yes", "no"}


@pytest.mark.parametrize(("name", "among"), [("audiocaps-captions", "train"), ("clotho-captions", "dev")])
def test_towers_choose_among_captions_of_another_split(tmp_path, name, among):
    benchmark = get(name)
    globals()[benchmark.set](tmp_path)
    run = measure(Towers(), load(benchmark.model_copy(update={"n": None}), tmp_path), controls=False)
    assert run.details["rendering"] == f"nearest caption of {among}"
    assert {o.answer for o in run.outcomes} == {texts[0] for texts in WORDS.values()}
