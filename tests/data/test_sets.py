"""Each kind of layout loads: sets at hand as they are, others by stand-ins in the official layout."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import standins

from auricle.data import read
from auricle.data.saving import save
from auricle.data.sets import descriptors, get, load
from auricle.data.sets.descriptor import FOLDER
from auricle.data.sets.descriptor import read as read_descriptor
from auricle.errors import DataError, UsageError

STANDINS = [name for name, made in vars(standins).items() if callable(made) and made.__module__ == "standins"]


@pytest.fixture(scope="session", params=STANDINS)
def loaded(request, tmp_path_factory):
    """(id, folder, items by id) of a stand-in, through a manifest."""
    top = tmp_path_factory.mktemp(request.param)
    getattr(standins, request.param)(top)
    save(load(request.param, top), top / "manifest.jsonl")
    return request.param, top, {item.id: item for item in read(top / "manifest.jsonl")}


def test_stand_ins_load(loaded):
    id, top, items = loaded
    assert items
    for item in items.values():
        assert item.set == id
        assert item.split
        assert item.clip or id in ("clothoaqa", "mmau", "compa_order", "compa_attribute") or item.split == "validation"
        assert (top / item.audio).is_file()
        assert item.duration > 0
        assert item.hash
        assert item.labels or item.captions or item.questions or item.set == "desed"  # which has files without events
    expected = {
        "audiocaps": lambda: items["7fmOlUlwoNg_20"].captions[4] == "Constant rattling noise e"
        and len(items["vfY_TJq7n_U_130"].captions) == 2
        and items["r1nicOVtvkQ_130"].clip == "youtube:r1nicOVtvkQ" and {i.split for i in items.values()} == {"train", "dev", "test"},
        "clotho": lambda: len(items["Café.wav"].captions) == 5 and items["Santa Motor.wav"].split == "test"
        and items["Santa Motor.wav"].clip == "freesound:159200" and items["Café.wav"].licence.endswith("/by/3.0/"),
        "wavcaps": lambda: items["AudioSet_SL/Yb0RFKhbpFJA.wav"].clip == "youtube:b0RFKhbpFJA"
        and items["FreeSound/180256"].clip == "freesound:180256"
        and items["FreeSound/180256"].extra["author"] == "someone" and len(items) == 6,
        "esc50": lambda: items["1-137-A-32.wav"].labels == ("keyboard typing",) and items["5-9032-A-0.wav"].split == "fold5"
        and items["5-9032-A-0.wav"].extra == {"fold": 5, "esc10": "True", "take": "A"},
        "desed": lambda: (
            [(e.start, e.end, e.label) for e in items["Y-0DLPzsiXE_30.000_40.000.wav"].events]
            == [(0.2, 1.4, "Speech"), (0.5, 0.9, "Alarm bell ringing")]
            and items["Y7fmOlUlwoNg_20.000_30.000.wav"].events == ()
            and items["Y1kEmYfqPbGg_0.000_10.000.wav"].clip == "youtube:1kEmYfqPbGg"
        ),
        "urbansound8k": lambda: items["100263-2-0-117.wav"].labels == ("children playing",)
        and items["100263-2-0-117.wav"].clip == "freesound:100263"
        and items["100263-2-0-117.wav"].extra["recording_start"] == "58.5" and items["100263-2-0-117.wav"].start == 0,
        "fsd50k": lambda: items["64760"].labels == ("Electric guitar", "Guitar", "Music") and items["21914"].split == "dev"
        and items["37199"].split == "test" and items["64760"].licence.endswith("/by-nc/3.0/")
        and items["37199"].licence.startswith("CC BY 4.0"),
        "speech_commands": lambda: Counter(i.split for i in items.values()) == {"train": 1, "dev": 1, "test": 1}
        and items["bed/c120e80e_nohash_8.wav"].labels == ("bed",) and items["bed/c120e80e_nohash_8.wav"].extra["speaker"] == "c120e80e",
        "clothoaqa": lambda: [q.answer for q in items["Café.wav"].questions] == ["yes", "yes", "no", "radio"]
        and items["Café.wav"].extra["confidence"] == ["yes", "maybe", "no", "yes"] and items["Santa Motor.wav"].clip == "freesound:159200"
        and [q.kind for q in items["Café.wav"].questions] == ["yes/no"] * 3 + [""],
        "mmau": lambda: items["a2c53160"].questions[0].options[1] == items["a2c53160"].questions[0].answer == "A door"
        and items["3fe64f3d"].extra["task"] == "sound" and items["3fe64f3d"].audio == "test-mini-audios/3fe64f3d.wav",
        "muchomusic": lambda: Counter(i.clip for i in items.values()) == {"jamendo:415600": 1, "youtube:-0Gj8-vB1q4": 2}
        and items["sdd:415600:2"].audio == "data/sdd/audio/00/415600.2min.mp3"
        and items["musiccaps:-0Gj8-vB1q4:4"].questions[0].options[0] == "Calm",
        "compa_order": lambda: sorted(items) == ["1/pair", "1/reversed", "1/triplet", "2/pair", "2/reversed"]
        and items["1/triplet"].captions == ("A dog barks while a man talks",) and items["2/reversed"].audio.endswith("/b_rev.wav"),
        "compa_attribute": lambda: sorted(items) == ["1/pair", "1/reversed"] and items["1/pair"].audio.endswith("files/1.wav"),
        "nsynth": lambda: items["bass_electronic_test-060-100"].extra["pitch"] == 60
        and items["bass_electronic_valid-060-100"].split == "dev",
    }  # fmt: skip
    assert expected[id]()


def test_wavcaps_leaves_out_its_own_list(tmp_path):
    standins.wavcaps(tmp_path)
    ids = {found.item.id for found in load("wavcaps", tmp_path, exclude="all_ac")}
    assert "AudioSet_SL/Y7fmOlUlwoNg.wav" not in ids
    assert "FreeSound/159200" not in ids
    assert len(ids) == 4
    with pytest.raises(UsageError, match="has no list 'all'"):
        load("wavcaps", tmp_path, exclude="all")
    with pytest.raises(UsageError, match="ships no lists"):
        load("esc50", tmp_path, exclude="all_ac")


def test_a_sound_that_is_gone(tmp_path):
    standins.audiocaps(tmp_path)
    (tmp_path / "train/r1nicOVtvkQ.wav").unlink()
    with pytest.raises(DataError, match=r"train\.csv:2: there is no .*r1nicOVtvkQ\.wav"):
        list(load("audiocaps", tmp_path))
    lost = []
    assert len(list(load("audiocaps", tmp_path, absent="drop", lost=lost.append))) == 2
    assert len(list(load("audiocaps", tmp_path, absent="text"))) == 3
    assert [path.rsplit("/", 1)[1] for path in lost] == ["r1nicOVtvkQ.wav"]


def test_a_set_that_is_otherwise(tmp_path):
    standins.esc50(tmp_path)
    table = tmp_path / "meta/esc50.csv"
    text = table.read_text()
    for old, new, what in (
        ("category", "kind", r"esc50\.csv:1: has no column 'category'"), ("dog", "...", r"esc50\.csv:2: labels\[0\] has no words"),
        ("1-100032-A-0.wav", "../../x.wav", r"esc50\.csv:2: .*leaves the set's folder"),
        (",1,", ",one,", r"esc50\.csv:2: fold 'one' is no number"),
    ):  # fmt: skip
        table.write_text(text.replace(old, new, 1))
        with pytest.raises(DataError, match=what):
            list(load("esc50", tmp_path))
    table.unlink()
    with pytest.raises(DataError, match=r"has no meta/esc50\.csv"):
        list(load("esc50", tmp_path))
    with pytest.raises(DataError, match="no such file or folder"):
        load("esc50", tmp_path / "none")
    standins.wavcaps(tmp_path)
    (tmp_path / "json_files/FreeSound/fsd_final.json").write_text(json.dumps({"data": [{"id": "1", "caption": " "}]}))
    with pytest.raises(DataError, match=r"entry:1: has no words in caption"):
        list(load("wavcaps", tmp_path))


def test_descriptors():
    known = descriptors()
    assert len(known) >= 20
    assert {d.layout.kind for d in known.values()} == {
        "csv_captions", "csv_choices", "csv_events", "csv_labels", "csv_multilabel", "csv_pairs", "csv_questions", "folders",
        "json_captions", "json_labels", "json_questions", "named_files",
    }  # fmt: skip
    for name in STANDINS:
        assert known[name].proven in ("stand-in", "data")
    assert {d.id for d in known.values() if d.proven == "stand-in"} <= set(STANDINS)
    assert known["esc10"].use == "evaluation only"
    with pytest.raises(UsageError, match=r"Did you mean clotho\?"):
        get("Cloto")


def test_a_descriptor_with_a_wrong_key(tmp_path):
    path = tmp_path / "esc50.yaml"
    path.write_text((FOLDER / "esc50.yaml").read_text().replace("  fold: fold", "  folds: fold"))
    with pytest.raises(DataError, match=r"esc50\.yaml: layout\.csv_labels\.folds: Extra inputs"):
        read_descriptor(path)


@pytest.mark.data
def test_sets_at_hand(data):
    count = {
        id: Counter(found.item.split for found in load(id, data)) for id in ("esc10", "fsdd", "soundpack", "foley", "rides", "ambience")
    }
    assert count == {
        "esc10": {f"fold{i}": 80 for i in range(1, 6)}, "fsdd": {"train": 2700, "test": 300}, "soundpack": {"": 397}, "foley": {"": 108},
        "rides": {"": 30}, "ambience": {"": 13},
    }  # fmt: skip
    assert all(found.item.source.startswith("http") for found in load("ambience", data))
    assert {found.item.labels[0] for found in load("fsdd", data)} == {
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
    }


@pytest.mark.data
def test_the_text_of_audiocaps(data):
    items = [found.item for found in load("audiocaps", data / "text", absent="text")]
    assert Counter(item.split for item in items) == {"train": 49_838, "dev": 495, "test": 975}
    # of 4,875 rows, less those that repeat what another of the same clip says
    assert sum(len(item.captions) for item in items if item.split == "test") == 4_757
