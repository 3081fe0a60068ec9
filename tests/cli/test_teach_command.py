"""``auricle teach`` and ``--taught``: as a person runs them, with good clips and bad."""

from __future__ import annotations

import shutil

import pytest

from auricle.demo import SOUNDS
from cli.conftest import spawn


@pytest.fixture
def clips(tmp_path):
    for kind, names in (
        ("animals", ("dog barking.ogg", "cow.flac", "sheep.flac")),
        ("music", ("slow piano.ogg", "choir.ogg", "tabla.ogg")),
    ):
        (tmp_path / kind).mkdir()
        for name in names:
            shutil.copy(SOUNDS / kind / name, tmp_path / kind)
    return tmp_path


def test_teach_then_use_it(run, clips, demo_library, monkeypatch):
    monkeypatch.setenv("AURICLE_HOME", str(clips / "home"))
    ran = run("teach", f"animal={clips}/animals", f"music={clips}/music", "-o", "pets")
    assert ran.code == 0, ran.err
    assert "animal  3 examples  score " in ran.out
    assert "chance is 0.50" in ran.out
    assert "calibration sounds" in ran.err
    assert (clips / "home" / "taught" / "pets.npz").is_file()

    known = run("classify", SOUNDS / "animals" / "horse_neigh.ogg", "--taught", "pets", "--json").lines[0]
    assert next(iter(known["scores"])) == "animal"
    both = run("classify", SOUNDS / "animals" / "horse_neigh.ogg", "--taught", "pets", "--labels", "rain", "--json").lines[0]
    assert set(both["scores"]) == {"animal", "music", "rain"}
    events = run("detect", SOUNDS / "music" / "orchestra.opus", "--taught", "pets", "--json").lines
    assert {e["label"] for e in events} == {"music"}
    assert set(events[0]) == {"path", "start", "end", "label", "score", "model", "pipeline_id"}
    found = run("search", "animal", "--taught", "pets", "--library", demo_library, "--sources", "sound", "-n", "3", "--json")
    assert any("/animals/" in hit["path"] for hit in found.lines)
    assert found.err == ""
    other = run("search", "rain", "--taught", "pets", "--library", demo_library, "-n", "1")
    assert "names nothing that pets was taught: animal, music" in other.err

    again = run("teach", f"animal={clips}/animals", "-o", "pets")
    assert (again.code, "--overwrite" in again.err) == (2, True)
    summary = run("teach", f"animal={clips}/animals", "-o", "pets", "--overwrite", "--json").lines[-1]
    assert [label["label"] for label in summary["labels"]] == ["animal"]
    assert 0.4 < summary["low"] < summary["score"] <= summary["high"] <= 1


def test_one_example(run, clips):
    ran = run("teach", f"bark={clips}/animals/dog barking.ogg", "-o", clips / "one.npz")
    assert ran.code == 0
    assert "bark  1 example  no score" in ran.out
    assert "no score can be given with fewer than 3 distinct examples" in ran.err


def test_identical_examples(run, clips):
    for copy in range(3):
        shutil.copy(clips / "animals" / "cow.flac", clips / "animals" / f"copy{copy}.flac")
    ran = run("teach", f"animal={clips}/animals", "-o", clips / "x.npz")
    assert "6 examples hold 3 distinct sounds: copies count once" in ran.err


def test_an_unreadable_clip_is_named_and_the_rest_is_done(run, clips):
    (clips / "animals" / "bad.wav").write_bytes(b"no sound")
    (clips / "animals" / "empty.wav").write_bytes(b"")
    ran = run("teach", f"animal={clips}/animals", "-o", clips / "x.npz")
    assert ran.code == 1
    assert "bad.wav" in ran.err
    assert "empty.wav" in ran.err
    assert "animal  3 examples" in ran.out
    assert (clips / "x.npz").is_file()
    ran = run("teach", f"animal={clips}/animals", "-o", clips / "y.npz", "--json")
    assert [line["kind"] for line in ran.lines[:2]] == ["NotAudio", "Empty"]
    assert run("teach", f"x={clips}/animals/bad.wav", "-o", clips / "z.npz").code == 1
    assert not (clips / "z.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clips/"], "has no name"),
        (["=animals"], "empty name"),
        (["a="], "no folder is named"),
        (["a=animals", "A=music"], "named twice"),
        (["a=none"], "there is no folder none"),
        (["a=bare"], "holds no sound files"),
        (["a=animals", "--background", "none"], "there is no folder none"),
        (["a=animals", "-o", "a b"], "no name for a taught head"),
        (["a=animals", "-o", "bare/"], "is a folder"),
        (["a=animals", "-o", ""], "the name is empty"),
    ],
)
def test_what_cannot_be_taught(run, clips, monkeypatch, arguments, words):
    monkeypatch.chdir(clips)
    (clips / "bare").mkdir()
    ran = run("teach", *arguments, *([] if "-o" in arguments else ["-o", "x.npz"]))
    assert ran.code == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_other_heads_and_damaged_files(run, clips):
    sound = SOUNDS / "animals" / "CROW.wav"
    ran = run("classify", sound, "--taught", "unheard-of")
    assert (ran.code, "there is no taught head unheard-of" in ran.err) == (3, True)
    (clips / "bad.npz").write_bytes(b"PK nothing")
    ran = run("detect", sound, "--taught", clips / "bad.npz")
    assert (ran.code, "is no taught head" in ran.err, "auricle teach" in ran.err) == (3, True, True)
    run("teach", f"animal={clips}/animals", "-o", clips / "x.npz")
    from dataclasses import replace

    from auricle.models import taught

    head = taught.load(clips / "x.npz")
    taught.save(replace(head, pipeline_id="tiny-towers@9:0", model="tiny-towers@9"), clips / "y.npz")
    ran = run("classify", sound, "--taught", clips / "y.npz", "--model", "tiny-towers")
    assert ran.code == 3
    assert "was taught on tiny-towers@9" in ran.err
    assert ran.err.count("\n") == 1


def test_in_a_process_of_its_own(clips):
    ran = spawn("teach", f"bark={clips}/animals/dog barking.ogg", "-o", clips / "x.npz", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0]["seconds"] < 60
