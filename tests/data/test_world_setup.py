"""What a world is made from: configurations, splits, enough clips; and the sets that are written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from world_clips import EVENTS, RATE, hear, items, world

from auricle import _faults, audio
from auricle.audio import content_hash
from auricle.cli.main import app
from auricle.data.items import Item, as_line
from auricle.data.manifest import read
from auricle.data.manifest import write as write_manifest
from auricle.data.world import WorldConfig, gather, load, write
from auricle.data.world.clips import as_source
from auricle.data.world.config import parse
from auricle.data.world.world import World
from auricle.errors import AudioError, DataError, UsageError

# ---------------------------------------------------------------------------------------------------------------- configuration


@pytest.fixture
def written(tmp_path):
    def put(text):
        path = tmp_path / "world.yaml"
        path.write_text(text, "utf-8")
        return path

    return put


def test_a_configuration_is_read(written):
    config = load(written("manifests: [a.jsonl]\nrate: 8000\nseconds: [2, 3]\nrooms: {dry: 1, hall: 2}\n"))
    assert isinstance(config, WorldConfig)
    assert (config.rate, config.seconds, config.rooms["hall"]) == (8000, (2.0, 3.0), 2.0)
    assert config.fingerprint == load(written("manifests: [b.jsonl]\nrate: 8000\nseconds: [2, 3]\nrooms: {hall: 2, dry: 1}\n")).fingerprint


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("manifests: [a.jsonl]\nrates: 8000\n", 2, "unknown key 'rates'"),
        ("manifests: [a.jsonl]\n\n# Hz\nrate: 0\n", 4, "rate"),
        ("manifests: [a.jsonl]\nrate: fast\n", 2, "rate"),
        ("manifests: [a.jsonl]\nseconds: [9, 3]\n", 2, "seconds"),
        ("manifests: [a.jsonl]\nseconds: 9\n", 2, "seconds"),
        ("manifests: [a.jsonl]\nnear: 0.7\nfar: 0.7\n", 2, "near and far"),
        ("manifests: [a.jsonl]\nrooms:\n  dry: 1\n  cellar: 1\n", 4, "rooms"),
        ("manifests: [a.jsonl]\nrooms: {dry: 0}\n", 2, "rooms"),
        ("manifests: [a.jsonl]\noverlap: 1.5\n", 2, "overlap"),
        ("manifests: [a.jsonl]\nrepeats: [1, 3]\n", 2, "repeats"),
        ("manifests: [a.jsonl]\nshort_labels: ignore\n", 2, "short_labels"),
        ("rate: 8000\n", 1, "manifests"),
        ("[]\n", 1, "no keys"),
        ("manifests: [a.jsonl\nrate: 1\n", 2, "no YAML"),
        ("", 1, "no keys"),
    ],
)
def test_a_bad_configuration_names_its_line(written, text, line, said):
    path = written(text)
    with pytest.raises(DataError) as error:
        load(path)
    assert error.value.line == line
    assert said in str(error.value)
    assert f"{path}:{line}: " in str(error.value)


def test_the_example_of_the_page(written):
    page = (Path(__file__).parents[2] / "docs" / "world.md").read_text("utf-8")
    config = load(written(page.partition("```yaml\n")[2].partition("```")[0]))
    assert config == parse({"manifests": ["corpus/manifest.jsonl"], "rooms": config.rooms, "seconds": [8, 12]})


def test_a_configuration_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    with pytest.raises(DataError, match="UTF-8"):
        load(tmp_path / "latin.yaml")


# ---------------------------------------------------------------------------------------------------------------- clips and splits


def test_the_items_of_other_splits_are_never_heard():
    def opener(item):
        assert item.split == "train", item.id
        return hear(item)

    made = world(opener=opener)
    for index in range(120):
        scene = made.scene(index)
        assert all(e.clip.startswith("clip:train/") for e in scene.events)
        assert all("train" in s for _, s in scene.sources)
    spoken = {i.extra["transcript"] for i in items() if i.split == "dev" and "transcript" in i.extra}
    assert spoken.isdisjoint(made.vocabulary.transcripts)


def test_a_clip_on_two_sides_is_refused():
    both = [*items(), replace(items()[0], id="again", split="dev")]
    with pytest.raises(DataError, match="clip:train/dog_bark/0"):
        world(source=both)


def test_too_few_clips_are_named():
    few = [i for i in items() if not (i.split == "dev" and i.labels == ("Cat",) and i.id[-1] in "34")]
    with pytest.raises(DataError, match=r"fewer than 5 source clips: cat meow \(3 in dev\)"):
        world(source=few).check()
    with pytest.raises(DataError, match="cat meow"):
        world(source=few, split="dev").check()
    assert world(source=few, short_labels="allow").check()["cat meow"] == {"dev": 3, "train": 5}
    dropped = world(source=few, short_labels="drop")
    assert "cat meow" not in dropped.check()
    assert "cat meow" not in dropped.shelf.sources
    assert world(source=few, min_clips=3).check()["dog bark"] == {"dev": 5, "train": 5}
    assert world().check()["violin"] == {"dev": 5, "train": 5}


def test_takes_of_one_clip_count_once():
    takes = [replace(i, clip="one") if i.split == "train" and i.labels == ("Cat",) else i for i in items()]
    with pytest.raises(DataError, match=r"cat meow \(1 in train\)"):
        world(source=takes).check()


def test_what_is_missing_is_said():
    with pytest.raises(DataError, match="unicorn"):
        world(labels=["dog bark", "unicorn"])
    with pytest.raises(DataError, match="unicorn"):
        world(beds=["unicorn"])
    with pytest.raises(DataError, match="No item has sound"):
        world(source=[])
    with pytest.raises(DataError, match="No item has sound"):
        world(source=[Item("text", captions=("a dog barks",))])
    with pytest.raises(DataError, match="'test'"):
        world(split="test")
    with pytest.raises(UsageError):
        world().plan(-1)
    assert set(world(labels=["Dog", "rain"], speech=0, music=0).shelf.sounds) == {"dog bark", "rain"}


def test_an_unreadable_clip_is_named():
    def opener(item):
        raise AudioError("NotAudio", item.audio, f"{item.audio}: is no audio.")

    with pytest.raises(AudioError, match=r"train/.*\.wav"):
        world(opener=opener).scene(0)


def test_silent_clips_are_passed_over():
    made = world(opener=lambda item: audio.Audio(np.zeros(RATE, np.float32), RATE))
    scene = made.scene(0)
    assert scene.events == ()
    assert scene.captions


@pytest.mark.parametrize(
    ("item", "label", "known"),
    [
        (Item("a", "a.wav", labels=("Dog_Bark", "Animal")), "dog bark", {"kind": "event", "also": ("animal",)}),
        (Item("a", "a.wav", labels=("rain",), extra={"maybe": ["wind", "thunder clap"]}), "rain", {"maybe": ("wind", "thunder")}),
        (Item("a", "a.wav", labels=("piano", "music")), "piano", {"kind": "music", "instrument": "piano", "also": ("music",)}),
        (Item("a", "a.wav", extra={"transcript": " Mind  the gap "}), "speech", {"kind": "speech", "transcript": "Mind the gap"}),
        (Item("a", "a.wav", extra={"instrument": "Violin", "tempo": 60, "pitch": "C4", "key": "A minor"}), "violin",
         {"kind": "music", "tempo": 60.0, "pitch": 60.0, "mode": "minor"}),
        (Item("a", "a.wav", extra={"instrument": ["piano", "flute"]}), "ensemble", {"kind": "music"}),
        (Item("a", "a.wav", labels=("snare drum",), extra={"instrument": "snare-drum", "drums": True}), "snare drum", {"kind": "event"}),
        (Item("a", "a.wav", labels=("English speech",), extra={"said": "Hello", "speaker": "woman"}), "english speech",
         {"kind": "speech", "transcript": "Hello", "speaker": "woman"}),
        (Item("a", "a.wav", labels=("café",), extra={"kind": "ambience"}), "crowd", {"kind": "bed"}),
        (Item("a", "a.wav", extra={"instrument": "tuba", "pitch": "F#3"}), "tuba", {"pitch": 54.0}),
        (Item("a", "a.wav", captions=("a dog barks in a yard", "dog barking")), "dog bark", {"kind": "event"}),
    ],
)  # fmt: skip
def test_items_as_sources(item, label, known):
    source = as_source(item)
    assert source.label == label
    assert {name: getattr(source, name) for name in known} == known


def test_items_that_say_nothing():
    assert as_source(Item("a", labels=("dog",))) is None
    assert as_source(Item("a", "a.wav")) is None
    assert as_source(Item("a", "a.wav", captions=("a dog and a cat",))) is None


# ---------------------------------------------------------------------------------------------------------------- written sets


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A few of the clips as files, with a manifest and a configuration."""
    folder = tmp_path_factory.mktemp("corpus")
    few = [
        i
        for i in items(takes=1)
        if i.labels[:1] in ((), ("dog_bark",), ("Cat",), ("rain",), ("music",)) and not i.id.endswith(("3", "4", "5"))
    ]
    kept = []
    for item in few:
        name = item.audio.replace("/", "_").replace(" ", "_")
        audio.write(folder / name, hear(item))
        kept.append(replace(item, audio=name))
    write_manifest(folder / "clips.jsonl", kept)
    (folder / "world.yaml").write_text(
        "manifests: [clips.jsonl]\nname: tiny\nrate: 8000\nseconds: [2, 3]\nevent_seconds: [0.05, 1]\nshort_labels: allow\nseed: 4\n",
        "utf-8",
    )
    return folder


def made_from(corpus, **more):
    return gather(load(corpus / "world.yaml"), corpus, **more)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_set_is_written_and_reads_back(corpus, tmp_path):
    world = made_from(corpus)
    told = []
    manifest = write(world, tmp_path / "out", 4, stems=True, told=told.append)
    assert told == [1, 2, 3, 4]
    found = list(read(manifest))
    assert [i.id for i in found] == [f"tiny/train/4/{n:06d}" for n in range(4)]
    for index, item in enumerate(found):
        scene = world.scene(index)
        assert item.captions == scene.captions
        assert item.questions == scene.questions
        assert set(scene.table()) <= set(item.events)
        assert {e.label for e in item.events} == set(item.labels) == scene.facts.everything
        assert item.split == "train"
        assert item.licence == "CC0-1.0"
        assert item.hash == content_hash(manifest.parent / item.audio)
        assert item.extra["clips"] == sorted({e.clip for e in scene.events})
        assert [c["text"] for c in item.extra["counterfactuals"]] == [c.text for c in scene.counterfactuals]
        heard = audio.open(manifest.parent / item.audio)
        assert heard.duration == pytest.approx(item.duration)
        assert np.abs(heard.samples - scene.audio.samples).max() < 1e-4
        stems = [audio.open(manifest.parent / s).samples for s in item.extra["stems"]]
        assert len(stems) == len(scene.events) + 1
        assert np.abs(np.sum(stems, axis=0) - heard.samples).max() < 1e-4


def test_the_same_world_gives_the_same_bytes_even_if_interrupted(corpus, tmp_path):
    write(made_from(corpus), tmp_path / "one", 4)
    _faults.arm("world.scene", "interrupt", 2)
    with pytest.raises(KeyboardInterrupt):
        write(made_from(corpus), tmp_path / "two", 4)
    assert not (tmp_path / "two" / "manifest.jsonl").exists()
    first = tmp_path / "two" / "audio" / "000000.flac"
    before = first.stat().st_mtime_ns
    (tmp_path / "two" / "audio" / "000001.flac").write_bytes(b"half of it")
    (tmp_path / "two" / "audio" / ".auricle-x").write_bytes(b"left by a run that was killed")
    write(made_from(corpus), tmp_path / "two", 4)
    assert first.stat().st_mtime_ns == before  # kept
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    write(made_from(corpus), tmp_path / "two", 5)
    assert len(list(read(tmp_path / "two" / "manifest.jsonl"))) == 5


def test_a_full_disk_leaves_no_manifest(corpus, tmp_path):
    _faults.arm("world.scene", "enospc", 2)
    with pytest.raises(OSError, match="No space"):
        write(made_from(corpus), tmp_path / "out", 3)
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


def test_a_folder_holds_one_world(corpus, tmp_path):
    write(made_from(corpus), tmp_path / "out", 1)
    with pytest.raises(UsageError, match="another world"):
        write(made_from(corpus, seed=9), tmp_path / "out", 1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        write(made_from(corpus), tmp_path / "full", 1)
    with pytest.raises(UsageError):
        write(made_from(corpus), tmp_path / "none", 0)


def test_an_id_in_two_manifests_is_refused(corpus, tmp_path):
    other = tmp_path / "again.jsonl"
    other.write_text(as_line(next(read(corpus / "clips.jsonl"))) + "\n", "utf-8")
    config = parse({"manifests": [str(corpus / "clips.jsonl"), str(other)], "rate": RATE})
    with pytest.raises(DataError, match="another manifest"):
        gather(config, tmp_path)


def test_labels_are_enough_for_the_tests():
    assert isinstance(world(), World)
    assert len(world().shelf.sounds) > len(EVENTS)


# ---------------------------------------------------------------------------------------------------------------- command


@pytest.fixture
def run(capsys):
    """``auricle data world …``"""

    def call(*arguments):
        capsys.readouterr()
        typer.main.get_command(app).main(["data", "world", *map(str, arguments)], standalone_mode=False)
        return capsys.readouterr().out

    return call


def test_the_command(run, corpus, tmp_path):
    assert "dog bark" in run(corpus / "world.yaml")
    shown = run(corpus / "world.yaml", "--show", 1)
    for word in ("captions", "counterfactuals", "questions", "start"):
        assert word in shown
    document = json.loads(run(corpus / "world.yaml", "--show", 1, "--json"))
    assert document["index"] == 1
    assert document["captions"]
    assert run(corpus / "world.yaml", "--out", tmp_path / "out", "--scenes", 2, "--split", "dev").strip().endswith("manifest.jsonl")
    assert [i.split for i in read(tmp_path / "out" / "manifest.jsonl")] == ["dev", "dev"]
