"""Labelled sounds as a task: where they come from, who is on which side, and what a shot is."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from transfer_making import LABELS, make_data, make_items

from auricle.data.manifest import read as read_manifest
from auricle.data.manifest import write
from auricle.errors import DataError, UsageError
from auricle.training.transfer import read


@pytest.fixture
def data(tmp_path):
    return make_data(tmp_path / "data")


def changed(data, change):
    """The manifest with each item changed, or left out for None."""
    items = [change(item) for item in read_manifest(data)]
    write(data, [item for item in items if item is not None])
    return data


def test_a_declared_split(data):
    task = read(data)
    train, test = task.sides[0]
    assert task.labels == tuple(sorted(LABELS))
    assert (len(train), len(test), task.said, task.exclusive) == (18, 9, "the test split", True)
    assert task.fewest(train)[0] == 5


def test_another_file_to_test_on(data, tmp_path):
    other = make_data(tmp_path / "other", train=1, test=0)
    with pytest.raises(DataError, match="stand on both sides"):
        read(data, test=other)
    items = [replace(i, clip=f"other {i.id}", hash="") for i in read_manifest(other)]
    write(other, items)
    task = read(data, test=other)
    assert [len(side) for side in task.sides[0]] == [27, 6]
    assert task.said == "all of sounds.jsonl"
    with pytest.raises(UsageError, match="two ways"):
        read(data, test=other, folds=3)


def test_draws_are_nested_and_of_different_clips(data):
    task = read(data)
    train = task.sides[0][0]
    draws = [set(task.draw(train, k, 3).tolist()) for k in (1, 2, 4)]
    assert draws[0] < draws[1] < draws[2]
    assert [len(d) for d in draws] == [3, 6, 12]
    for c in range(3):
        own = [i for i in draws[2] if task.truth[i, c] == 1]
        assert len({task.examples[i].clip for i in own}) == len(own) == 4
    assert task.draw(train, 4, 3).tolist() == sorted(draws[2])
    assert set(task.draw(train, 1, 4).tolist()) | set(task.draw(train, 1, 5).tolist()) | set(task.draw(train, 1, 6).tolist()) != draws[0]
    assert task.draw(train, "all", 0) is train
    with pytest.raises(ValueError, match=r"too few clips for 8 shots: .* has 5 to learn from"):
        task.draw(train, 8, 0)


def test_folds_keep_clips_together(data):
    task = read(data, folds=4)
    assert task.said == "4 folds over source clips"
    tested = np.concatenate([test for _, test in task.sides])
    assert sorted(tested.tolist()) == list(range(27))
    for train, test in task.sides:
        assert not {task.examples[i].clip for i in train} & {task.examples[i].clip for i in test}
        assert (task.truth[test] == 1).any(axis=0).all()
    with pytest.raises(UsageError, match="at least 2"):
        read(data, folds=1)


def test_the_datas_own_folds(data):
    order = {}
    changed(data, lambda i: replace(i, split=f"fold{order.setdefault(i.clip, len(order)) % 3 + 1}"))
    task = read(data)
    assert task.said == "the data's 3 folds"
    assert len(task.sides) == 3


def test_a_folder_of_folders_with_the_same_sound_twice(data, tmp_path):
    top = tmp_path / "folders"
    for item in make_items(data.parent):
        (top / item.labels[0]).mkdir(parents=True, exist_ok=True)
        shutil.copy(data.parent / item.audio, top / item.labels[0])
    shutil.copy(top / "hum" / "hum-1-0.wav", top / "hum" / "again.wav")
    with pytest.raises(DataError, match="no split says what to learn from") as found:
        read(top)
    assert "--folds 5" in found.value.hint
    task = read(top, folds=3)
    assert len(task.examples) == 28
    clips = {e.item.audio: e.clip for e in task.examples}
    assert clips["hum/again.wav"] == clips["hum/hum-1-0.wav"]
    split = tmp_path / "split"
    for side, items in (("train", range(4)), ("test", range(5, 8))):
        for label in LABELS:
            (split / side / label).mkdir(parents=True)
            for n in items:
                shutil.copy(top / label / f"{label}-{n}-0.wav", split / side / label)
    assert [len(side) for side in read(split).sides[0]] == [12, 9]


def test_a_table_guessed_and_told(data):
    rows = [f"{i.audio},{i.labels[0]},{i.split},{i.clip}" for i in read_manifest(data)]
    table = data.parent / "clips.csv"
    table.write_text("\n".join(["filename,category,split,src_file", *rows]))
    assert [len(side) for side in read(table).sides[0]] == [18, 9]
    table.write_text("\n".join(["f,what,part,of", *rows]))
    with pytest.raises(UsageError, match="no column is named as one of sounds or labels") as found:
        read(table)
    assert "--columns" in found.value.hint
    assert len(read(table, columns="audio=f,labels=what,split=part,clip=of").examples) == 27


def test_labels_that_are_chosen(data):
    task = read(data, labels=["hum", "hiss"])
    assert task.labels == ("hum", "hiss")
    assert len(task.examples) == 18
    with pytest.raises(UsageError, match="no sound of the data has the label 'hun'") as found:
        read(data, labels=["hun", "hiss"])
    assert "Did you mean hum" in found.value.hint
    with pytest.raises(DataError, match="no two labels"):
        read(data, labels=["hum"])
    with pytest.raises(UsageError, match="repeated"):
        read(data, labels=["hum", "hum"])


def test_labels_that_stand_on_one_side(data):
    changed(data, lambda i: replace(i, labels=("drone",)) if i.split == "test" and i.labels == ("hum",) else i)
    task = read(data)
    assert task.labels == ("beeps", "hiss")
    assert task.notes == ("left out, for they stand on one side only: drone, hum",)
    with pytest.raises(UsageError, match="'hum' has sounds only to learn from"):
        read(data, labels=["hum", "hiss"])
    with pytest.raises(UsageError, match="'drone' has sounds only to test on"):
        read(data, labels=["hiss", "drone"])
    changed(data, lambda i: i if i.labels[0] in ("hum", "drone") else None)
    with pytest.raises(DataError, match="no label stands on both sides"):
        read(data)


def test_no_test_split_and_no_labels(data):
    changed(data, lambda i: replace(i, split="train"))
    with pytest.raises(DataError, match=r"\(splits: train: 27\)"):
        read(data)
    assert len(read(data, folds=3).sides) == 3
    changed(data, lambda i: replace(i, labels=()))
    with pytest.raises(DataError, match="no sound there has a label"):
        read(data)


def test_the_development_split_stands_in(data):
    changed(data, lambda i: replace(i, split="dev" if i.split == "test" else i.split))
    assert read(data).said == "the development split"


def test_what_may_be_is_neither(data):
    changed(data, lambda i: replace(i, extra={"perhaps": ["hum"]}) if i.id.startswith("sounds/hiss-1") else i)
    task = read(data)
    assert len(task.examples) == 26
    assert task.notes == ("left out: 1 sounds that are, or may be, of more than one of these labels",)


def test_several_labels_a_sound(data):
    changed(
        data,
        lambda i: (
            replace(i, labels=(*i.labels, "loud"), extra={"perhaps": ["hum"]})
            if i.labels == ("beeps",)
            else replace(i, labels=(*i.labels, "soft"))
        ),
    )
    task = read(data)
    assert task.exclusive is False
    assert task.labels == ("beeps", "hiss", "hum", "loud", "soft")
    beep = next(n for n, e in enumerate(task.examples) if "beeps" in e.item.labels)
    assert task.truth[beep].tolist() == [1, 0, -1, 1, 0]
    assert len(task.draw(task.sides[0][0], 2, 0)) <= 10


def test_one_clip_a_label_cannot_be_held_out(data):
    changed(data, lambda i: i if i.clip.endswith(":0") else None)
    with pytest.raises(DataError, match="of one source clip only"):
        read(data, folds=2)


@pytest.mark.parametrize("name", ["gone.jsonl", "gone", "gone.csv"])
def test_data_that_is_not_there(tmp_path, name):
    with pytest.raises(DataError, match=r"no such manifest|there is no|could not be opened"):
        read(tmp_path / name)


def test_data_of_another_kind(tmp_path):
    (tmp_path / "data.pkl").write_bytes(b"\x80\x04")
    with pytest.raises(UsageError, match="no labelled data that is known"):
        read(tmp_path / "data.pkl")
