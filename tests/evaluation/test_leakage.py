"""Planted leaks are found at each level, and nothing else is; a score is told apart by them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from auricle import audio
from auricle.audio import Audio
from auricle.data import check
from auricle.data.items import Item, Question
from auricle.data.manifest import write
from auricle.demo import SOUNDS
from auricle.errors import DataError
from auricle.evaluation.leakage import LEVELS, leakage, scored
from auricle.evaluation.score import How, Mean, MeanRecall, measured

CLIPS = sorted(p for p in SOUNDS.rglob("*") if p.suffix in audio.SUFFIXES and not p.name.startswith("ZOOM"))[:12]


@pytest.fixture(scope="module")
def sounds():
    return [audio.open(path, rate=16000, mono=True).slice(0, 4) for path in CLIPS]


def put(folder, name, sound, **more):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    audio.write(folder / name, sound, overwrite=True)
    return Item(id=name.partition(".")[0], audio=name, **more)


@pytest.fixture
def sides(tmp_path, sounds):
    """Training on clips 0 … 5, measured on 6 … 11, which share nothing; the tests plant leaks between them."""
    train, test = tmp_path / "train", tmp_path / "test"
    mine = [put(train, f"t{i}.wav", s, set="mine", captions=(f"the {i}th thing makes its noise",)) for i, s in enumerate(sounds[:6])]
    theirs = [put(test, f"e{i}.wav", s, set="theirs", clip=f"theirs:{i}") for i, s in enumerate(sounds[6:12])]
    return train, mine, test, theirs, tmp_path / "cache"


def found_in(sides, mine, theirs, **more):
    train, _, test, _, cache = sides
    write(train / "train.jsonl", mine)
    return leakage(theirs, test, train / "train.jsonl", cache=cache, **more)


def test_nothing_shared_nothing_flagged(sides):
    found = found_in(sides, sides[1], sides[3])
    assert not found.flagged
    assert found.clean == found.items == tuple(f"e{i}" for i in range(6))
    assert not found.failures


def planted(sides, sounds, level):
    """(training items, measured items, id that must be flagged)."""
    train, mine, test, theirs, _ = sides
    if level == "id":
        return [replace(mine[0], clip="freesound:4711"), *mine[1:]], [
            replace(theirs[0], source="https://freesound.org/s/4711"),
            *theirs[1:],
        ]
    if level == "clip":
        here, there = ({"recording_start": at} for at in ("10", "60"))
        one, other = replace(mine[0], clip="youtube:r1nicOVtvkQ", extra=here), replace(theirs[0], clip="youtube:r1nicOVtvkQ", extra=there)
        return [one, *mine[1:]], [other, *theirs[1:]]
    if level == "bytes":
        silence = Audio(np.zeros((1, 16000), np.float32), 16000)  # which has no fingerprint
        return [*mine, put(train, "silent.wav", silence)], [put(test, "e0.wav", silence, set="theirs"), *theirs[1:]]
    if level == "sound":
        noise = np.random.default_rng(0).normal(size=(1, 8000)).astype(np.float32)
        shifted = Audio(np.concatenate([0.001 * noise, 0.4 * sounds[2].samples], axis=1), 16000)
        return mine, [put(test, "e0.ogg", shifted.at(44100), set="theirs"), *theirs[1:]]
    if level == "near-sound":
        sound = sounds[9]
        loud = np.random.default_rng(0).normal(size=sound.samples.shape) * np.sqrt((sound.samples**2).mean()) * 1.2
        noisy = Audio((sound.samples + loud).astype(np.float32), 16000)
        return [*mine, put(train, "copy.wav", sound)], [put(test, "e0.wav", noisy, set="theirs"), *theirs[1:3], *theirs[4:]]
    said = "A small dog barks twice, then a door is shut behind it."
    heard = said if level == "text" else said.replace("shut", "slammed")
    return [*mine[:5], replace(mine[5], captions=(said,))], [replace(theirs[0], captions=(heard.upper(),)), *theirs[1:]]


@pytest.mark.parametrize("level", LEVELS)
def test_planted_leak_is_found_at_its_level(sides, sounds, level):
    mine, theirs = planted(sides, sounds, level)
    found = found_in(sides, mine, theirs)
    assert found.flagged == {"e0"}
    assert {reason.level for reason in found.reasons["e0"]} == {level}
    assert found.at(level) == {"e0"}
    assert any(level in line for line in found.lines())


def test_other_take_of_a_source_that_is_no_upload(sides):
    mine, theirs = sides[1], sides[3]
    found = found_in(sides, [replace(mine[0], clip="band:song-3"), *mine[1:]], [replace(theirs[4], clip="band:song-3"), *theirs[:4]])
    assert [(r.level, r.other) for r in found.reasons["e4"]] == [("clip", "t0")]


def test_other_takes_of_a_source_that_was_heard_in_training(sides, sounds):
    train, mine, _, theirs, _ = sides
    copy = put(train, "copy.flac", sounds[9].slice(0.5), set="mine")  # of e3
    found = found_in(sides, [*mine, copy], [*theirs[:4], replace(theirs[4], clip=theirs[3].clip), theirs[5]])
    assert {id: [r.level for r in why] for id, why in found.reasons.items()} == {"e3": ["sound"], "e4": ["clip"]}
    assert "e3" in found.reasons["e4"][0].says


def test_questions_leak_with_their_choices_only(sides):
    mine, theirs = sides[1], sides[3]
    asked = Question("Which animal is heard first?", "dog", ("dog", "cat", "horse"))
    plain = Question("Is a dog heard?", "yes")
    found = found_in(
        sides,
        [replace(mine[0], questions=(asked, plain))],
        [replace(theirs[0], questions=(asked,)), replace(theirs[1], questions=(plain,))],
    )
    assert found.flagged == {"e0"}


def test_declared_overlaps_are_told_and_flag_nothing(sides):
    mine, theirs = ([replace(i, set=name) for i in side] for side, name in ((sides[1], "fsd50k"), (sides[3], "clotho")))
    found = found_in(sides, mine, theirs)
    assert not found.flagged
    assert any("Clotho" in d.says and "FSD50K" in d.says for d in found.declared)
    assert any(line.strip().startswith("declared:") for line in found.lines())


def test_a_second_run_decodes_only_what_is_new(sides, monkeypatch):
    heard = []
    original = check._hear
    monkeypatch.setattr(check, "_hear", lambda item, *rest: (heard.append(item.id), original(item, *rest))[1])
    first = found_in(sides, sides[1], sides[3])
    assert len(heard) == 12
    heard.clear()
    again = found_in(sides, sides[1], sides[3])
    assert heard == []
    assert again.document() == first.document()
    put(sides[0], "t3.wav", Audio(np.zeros((1, 9000), np.float32), 16000))
    found_in(sides, sides[1], sides[3])
    assert heard == ["t3"]


def test_a_damaged_part_of_the_store_is_made_anew(sides):
    first = found_in(sides, sides[1], sides[3])
    parts = list(sides[4].rglob("*.npz"))
    assert parts
    for part in parts:
        part.write_bytes(part.read_bytes()[:100])
    assert found_in(sides, sides[1], sides[3]).document() == first.document()


def test_a_sound_that_cannot_be_heard_is_told(sides, sounds):
    mine, theirs = planted(sides, sounds, "text")
    (sides[0] / "t1.wav").write_bytes(b"no sound")
    (sides[2] / "e0.wav").unlink()
    found = found_in(sides, mine, theirs)
    assert len(found.failures) == 2
    assert found.flagged == {"e0"}  # by its text, still
    assert "2 sounds could not be heard" in found.lines()[-1]


def test_without_hearing_names_and_texts_must_do(sides, sounds):
    mine, theirs = planted(sides, sounds, "text")
    found = found_in(sides, mine, theirs, hear=False)
    assert found.flagged == {"e0"}
    assert found.lines()[-1].strip() == "sounds were not compared"
    assert not list(sides[4].rglob("*.npz"))


def test_no_manifest(sides):
    with pytest.raises(DataError, match="there is no such manifest"):
        leakage(sides[3], sides[2], sides[0] / "none.jsonl")


class Model:
    name, pipeline_id, rate = "a-model", "a-model:1", 16000


def score_of(right, ids, sources, metric="accuracy"):
    sample = Mean.of(right, ids, sources)
    return measured(metric, sample, How("task", "data", "hash", metric), Model())


@pytest.fixture
def leaky(sides, sounds):
    """Six items, of which e0 … e2 were trained on."""
    copies = [put(sides[0], f"copy{i}.flac", sounds[6 + i], set="mine") for i in range(3)]
    return found_in(sides, [*sides[1], *copies], sides[3])


def test_score_on_all_clean_and_flagged(leaky):
    assert leaky.flagged == {"e0", "e1", "e2"}
    ids = [f"e{i}" for i in range(6)]
    document = scored(leaky, score_of([1, 1, 1, 0, 0, 1], ids, ids))
    json.dumps(document, allow_nan=False)
    assert (document["all"]["value"], document["clean"]["value"], document["flagged"]["value"]) == pytest.approx(
        (4 / 6, 1 / 3, 1), abs=1e-4
    )
    assert document["clean"]["n"] == document["flagged"]["n"] == 3
    assert document["difference"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert document["inflation"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert document["difference"]["low"] <= document["difference"]["value"] <= document["difference"]["high"]
    assert document["levels"]["sound"]["items"] == 3
    assert set(document["ids"]) == leaky.flagged
    assert document["clean"]["protocol_hash"] != document["all"]["protocol_hash"]  # never compared with the score of all


def test_interval_of_the_difference_holds_the_truth(leaky):
    """Many takes of many sources, flagged ones right by 0.8 and clean ones by 0.5."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(20):
        ids = [f"e{i % 6}/{k}" for k in range(20) for i in range(6)]
        right = [rng.random() < (0.8 if int(id[1]) < 3 else 0.5) for id in ids]
        document = scored(leaky, score_of(np.array(right, float), ids, ids), item_of=lambda id: id.partition("/")[0])
        inside += document["difference"]["low"] <= 0.3 <= document["difference"]["high"]
    assert inside >= 17


def test_any_statistic_can_be_told_apart(leaky):
    ids = tuple(f"e{i}" for i in range(6))
    sample = MeanRecall(np.array([1.0, 1, 1, 0, 0, 1]), ("a", "b", "a", "a", "b", "b"), ids, ids)
    document = scored(leaky, measured("balanced accuracy", sample, How("t", "d", "h", "balanced accuracy"), Model()))
    assert document["flagged"]["value"] == 1.0
    assert document["clean"]["value"] == 0.25


def test_nothing_flagged_everything_flagged_and_other_items(sides, leaky):
    ids = [f"e{i}" for i in range(6)]
    none = scored(found_in(sides, sides[1], sides[3]), score_of([1, 1, 1, 0, 0, 1], ids, ids))
    assert none["flagged"] is None
    assert none["difference"] is None
    assert none["clean"]["value"] == none["all"]["value"]
    every = scored(leaky, score_of([1, 1, 0], ids[:3], ids[:3]))
    assert every["clean"] is None
    assert "every item is flagged" in every["notes"][0]
    queries = scored(leaky, score_of([1, 0], ["dog", "cat"], ["dog", "cat"]))
    assert queries["clean"] is None
    assert "something else" in queries["notes"][0]
