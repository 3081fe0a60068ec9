"""What ``check`` and ``overlap`` find in data that hold one of each fault."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile
from datasounds import put

from auricle import audio
from auricle.audio import content_hash
from auricle.data import Event, Item, write
from auricle.data.check import check
from auricle.data.licences import table, terms
from auricle.data.overlap import overlap
from auricle.data.sets import load
from auricle.data.texts import near_pairs, normal
from auricle.demo import SOUNDS
from auricle.errors import DataError


def manifest(folder, *items, name="m.jsonl"):
    write(folder / name, items)
    return folder / name


@pytest.fixture
def dog(tmp_path):
    """A real sound, and the same louder and in another encoding."""
    shutil.copy(SOUNDS / "animals/dog barking.ogg", tmp_path / "dog.ogg")
    sound = audio.open(tmp_path / "dog.ogg", mono=True)
    soundfile.write(tmp_path / "louder.flac", 1.5 * np.pad(sound.samples[0], (4001, 0)), sound.rate)
    return tmp_path


def test_all_is_well(tmp_path):
    put(tmp_path / "a.wav")
    item = Item("a", audio="a.wav", duration=0.3, hash=content_hash(tmp_path / "a.wav"), labels=("tone",), split="train", licence="CC0")
    report = check([manifest(tmp_path, item)])
    assert report.ok
    assert [(p.group, p.items, p.sounds, p.labels) for p in report.parts] == [("m/train", 1, 1, 1)]


def test_missing_and_broken_sounds_and_lines(tmp_path):
    (tmp_path / "no.wav").write_bytes(b"no sound at all")
    (tmp_path / "empty.wav").write_bytes(b"")
    data = put(tmp_path / "cut.flac", 2.0).read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    names = ("gone.wav", "no.wav", "empty.wav", "cut.flac")
    path = manifest(tmp_path, *(Item(name, audio=name) for name in names), Item("s", audio="none.tar#x.wav"))
    path.write_text(path.read_text() + '{"id": "u", "nonsense": 1}\n')
    report = check([path])
    assert sorted(f.kind for f in report.broken) == ["Empty", "Invalid", "Missing", "Missing", "NotAudio", "Truncated"]
    assert not report.ok
    assert all(f.hint for f in report.broken)


def test_lies(tmp_path):
    put(tmp_path / "a.wav", 1.0)
    said = {"audio": "a.wav", "split": "x"}
    items = [
        Item("long", duration=3.0, **said), Item("end", end=2.0, **said), Item("hash", hash="0" * 32, **said),
        Item("events", events=(Event(0.5, 1.5, "x"),), **said), Item("fine", duration=1.0, end=1.0, events=(Event(0, 1, "x"),), **said),
    ]  # fmt: skip
    report = check([manifest(tmp_path, *items)])
    assert [(lie.id, lie.what) for lie in report.lies] == [("long", "duration"), ("end", "end"), ("hash", "hash"), ("events", "events")]


def test_the_same_sound_in_two_splits(dog):
    shutil.copy(dog / "dog.ogg", dog / "copy.ogg")
    items = [
        Item("a", audio="dog.ogg", split="train"),
        Item("b", audio="copy.ogg", split="test"),
        Item("c", audio="louder.flac", split="dev"),
    ]
    report = check([manifest(dog, *items)])
    found = {(e.kind, e.left, e.right): e.examples[0] for e in report.twice.edges}
    assert set(found) == {("audio", "m/test", "m/train"), ("sound", "m/dev", "m/train"), ("sound", "m/dev", "m/test")}
    assert found["sound", "m/dev", "m/train"].similarity > 0.9
    assert len(report.twice.leaks) == 3
    assert not report.ok
    quick = check([dog / "m.jsonl"], hear=False)
    assert [(e.kind, e.left, e.right) for e in quick.twice.edges] == [("audio", "m/test", "m/train")]


def test_twice_in_one_split_is_told_and_no_leak(dog):
    report = check([manifest(dog, *(Item(i, audio="dog.ogg", split="train") for i in "abc"))])
    (edge,) = report.twice.edges
    assert (edge.kind, edge.left, edge.right_items) == ("audio", "m/train", 2)
    assert report.ok


def test_training_refuses_what_it_will_be_measured_on(dog):
    train = manifest(dog, Item("a", audio="louder.flac", captions=("A dog barks.",)), name="train.jsonl")
    test = manifest(dog, Item("x", audio="dog.ogg", captions=("a dog  barks",)), name="test.jsonl")
    found = overlap([train], [test])
    assert {edge.kind for edge in found.edges} == {"sound", "caption"}
    with pytest.raises(DataError, match=r"train and test overlap: same sound by fingerprint in 1 of the items") as refused:
        found.refuse()
    assert refused.value.kind == "Overlap"
    assert "--against" in refused.value.hint
    texts = overlap([[Item("a", captions=("A dog barks.",))]], [[Item("b", captions=("a dog barks",))]])
    texts.refuse()
    with pytest.raises(DataError, match="same caption"):
        texts.refuse(captions=True)
    overlap([[Item("a", set="x")]], [[Item("a", set="y")]]).refuse()


def test_ids_and_source_clips():
    def kinds(a, b):
        return [edge.kind for edge in overlap([[a]], [[b]]).edges]

    assert kinds(Item("a", set="s"), Item("a", set="s")) == ["id"]
    assert kinds(Item("a", set="s"), Item("a", set="t")) == []
    assert kinds(Item("a", set="s", clip="freesound:7"), Item("b", set="t", clip="freesound:7")) == ["clip"]
    assert kinds(Item("a", set="s", clip="7"), Item("b", set="t", clip="7")) == []
    assert kinds(Item("a", hash="f" * 32), Item("b", hash="f" * 32)) == ["audio"]


def test_captions_that_are_nearly_the_same():
    texts = [
        normal(t)
        for t in ("A dog barks in the distance, as a car passes by!", "a dog barks in the distance as a car passes", "Rain falls.")
    ]
    ((i, j, similarity),) = near_pairs(texts)
    assert (i, j) == (0, 1)
    assert 0.75 <= similarity < 1
    assert normal("Ｃafé — NOISE,  loud") == "café noise loud"


def test_minhash_finds_what_comparing_all_finds():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(300)]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(300)]
    for i in range(0, 300, 10):  # one word changed, at either end: still nearly the same
        texts[i + 1] = " ".join([*texts[i].split()[:-1], "other"])
    found = {(i, j) for i, j, _ in near_pairs(texts)}
    assert found == {(i, i + 1) for i in range(0, 300, 10)}


@pytest.mark.parametrize(
    ("text", "name", "notes"),
    [
        ("http://creativecommons.org/licenses/by-nc/3.0/", "CC BY-NC 3.0", "non-commercial"),
        ("CC-BY-SA-4.0", "CC BY-SA 4.0", "share-alike"),
        ("CC BY 3.0", "CC BY 3.0", ""),
        ("CC-BY", "CC BY", ""),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0", ""),
        ("CC0", "CC0 1.0", ""),
        ("Public Domain", "Public domain", ""),
        ("CC BY-NC-ND 4.0", "CC BY-NC-ND 4.0", "non-commercial, no derivatives"),
        ("http://creativecommons.org/licenses/sampling+/1.0/", "CC Sampling+ 1.0", "non-commercial"),
        ("captions: academic use", "captions: academic use", "non-commercial"),
        ("MIT", "MIT", ""),
        ("ODbL", "ODbL", "share-alike"),
        ("", "none stated", "unknown"),
        ("ask Bob", "ask Bob", "unknown"),
    ],
)
def test_licences(text, name, notes):
    assert (terms(text).name, terms(text).notes) == (name, notes)


def test_a_table_of_licences():
    rows = table(["CC0", "", "CC0 1.0", "CC BY-NC 4.0"])
    assert [(r.licence, r.items, r.notes) for r in rows] == [
        ("CC0 1.0", 2, ""),
        ("CC BY-NC 4.0", 1, "non-commercial"),
        ("none stated", 1, "unknown"),
    ]


@pytest.mark.data
def test_what_is_known_of_audiocaps_is_found(data):
    """404 of the 4,875 test captions stand verbatim in train (case and a final period ignored), as the audit of the field counted."""
    sides = {"train": [], "test": []}
    for found in load("audiocaps", data / "text", absent="text"):
        sides.get(found.item.split, []).append(found.item)
    known = {caption.lower().rstrip(".") for item in sides["train"] for caption in item.captions}
    rows = [line.split(",", 3)[3].strip().strip('"') for line in (data / "text/audiocaps_test.csv").read_text().splitlines()[1:]]
    verbatim = sum(row.lower().rstrip(".") in known for row in rows)
    assert verbatim == 404
    normals = {normal(caption) for item in sides["train"] for caption in item.captions}
    assert 404 <= sum(normal(row) in normals for row in rows) < 450
    edges = {edge.kind: edge for edge in overlap([sides["train"][:1500]], [sides["test"][:400]]).edges}
    assert "clip" not in edges
    assert edges["caption"].right_items > 3
