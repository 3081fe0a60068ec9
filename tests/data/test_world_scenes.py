"""Scenes: times are exact, stems add up, levels are as said, and all of it is a function of seed and index."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from world_clips import RATE, hear, items, kind, world

from auricle.audio import Audio
from auricle.data.world.acoustics import active_level, active_spans, bursts, echo, looped, low_passed
from auricle.data.world.clips import Clips, as_source
from auricle.data.world.compose import Place
from auricle.data.world.facts import together
from auricle.data.world.render import mixed

DRY = {"dry": 1}


def energy(samples):
    return float(np.sum(np.square(samples, dtype=np.float64)))


def test_all_of_a_sound_lies_within_its_event_and_fills_it():
    made = world(rooms=DRY, background=0.5)
    checked = 0
    for index in range(40):
        scene = made.scene(index)
        for event, stem in zip(scene.events, scene.stems, strict=False):
            first, last = round(event.start * RATE), round(event.end * RATE)
            assert 0 <= first < last <= stem.shape[1]
            assert energy(stem[:, :first]) == energy(stem[:, last:]) == 0.0
            top = active_level(stem[0, first:last], RATE)
            for edge in (stem[0, first : first + RATE // 20], stem[0, last - RATE // 20 : last]):
                assert active_level(edge, RATE) > top - 30  # heard from its first to its last moment
            checked += 1
    assert checked > 100


def test_the_length_of_an_event_is_that_of_the_sound_in_the_clip():
    made = world(rooms=DRY)
    for index in range(25):
        for placed in made.plan(index).placed:
            if kind(placed.source.item) != "event" or placed.cut[1]:
                continue
            loud = np.flatnonzero(np.abs(hear(placed.source.item).samples[0]) > 1e-3)
            assert placed.event.seconds == pytest.approx((loud[-1] - loud[0]) / RATE, abs=0.025)


def test_an_echo_follows_and_is_soon_gone():
    made = world(rooms={"hall": 1}, background=0, seconds=[8, 8])
    for index in range(10):
        scene = made.scene(index)
        for event, stem in zip(scene.events, scene.stems, strict=False):
            first, last = round(event.start * RATE), round(event.end * RATE)
            gone = last + round(1.1 * scene.facts.decay * RATE) + 1
            assert energy(stem[:, :first]) == energy(stem[:, gone:]) == 0.0
            assert 0.0 < energy(stem[:, last:gone]) < 4 * energy(stem[:, first:last])


def test_near_sounds_have_less_echo_and_more_treble_than_far_ones():
    def shares(distance):
        chances = {"near": float(distance == "near"), "far": float(distance == "far")}
        made = world(rooms={"hall": 1}, background=0, seconds=[8, 8], **chances)
        echoes, trebles = [], []
        for index in range(15):
            scene = made.scene(index)
            for event, stem in zip(scene.events, scene.stems, strict=False):
                first, last = round(event.start * RATE), round(event.end * RATE)
                echoes.append(energy(stem[0, last:]) / energy(stem[0, first:last]))
                spectrum = np.abs(np.fft.rfft(stem[0, first:last])) ** 2
                trebles.append(spectrum[len(spectrum) // 2 :].sum() / spectrum.sum())
        return np.median(echoes), np.median(trebles)

    (near_echo, near_treble), (far_echo, far_treble) = shares("near"), shares("far")
    assert far_echo > 5 * near_echo
    assert far_treble < 0.7 * near_treble


@pytest.mark.parametrize("channels", [1, 2])
def test_stems_add_up_to_the_mixture_which_never_clips(channels):
    made = world(channels=channels, background_level=[-20, -10], snr=[0, 20])
    for index in range(20):
        scene = made.scene(index)
        assert scene.audio.samples.dtype == np.float32
        assert scene.audio.samples.shape == (channels, round(scene.facts.seconds * RATE))
        assert len(scene.stems) == len(scene.events) + 1
        assert np.abs(np.sum(scene.stems, axis=0, dtype=np.float64) - scene.audio.samples).max() <= 1e-6
        assert np.abs(scene.audio.samples).max() <= 0.951


def test_levels_and_ratios_are_as_said():
    made = world(background=1, background_level=[-40, -30])
    for index in range(20):
        scene = made.scene(index)
        levels = []
        for event, stem in zip(scene.events, scene.stems, strict=False):
            first, last = round(event.start * RATE), round(event.end * RATE)
            levels.append(active_level(stem[0, first:last], RATE) - event.level)
            if not event.bed:
                assert event.level - scene.facts.bed.level == pytest.approx(event.snr, abs=0.02)
        assert np.ptp(levels) < 0.3  # all lowered alike, where the peak asks for it
        assert max(levels) < 0.2


def test_scenes_vary_and_keep_to_what_was_asked_for():
    made = world(seconds=[4, 6], sounds=[1, 3], repeat=0.5)
    plans = [made.plan(i).facts for i in range(200)]
    assert all(4 <= f.seconds <= 6 for f in plans)
    assert {f.room for f in plans} == {"dry", "room", "hall", "outdoors"}
    assert 0.45 < np.mean([f.bed is not None for f in plans]) < 0.75
    assert any(len(f.of(label)) >= 3 for f in plans for label in f.heard)
    pairs = [together(f.of(a), f.of(b)) for f in plans for a in f.heard for b in f.heard if a < b]
    assert pairs.count(True) > 20
    assert pairs.count(False) > 20
    assert pairs.count(None) < 0.2 * len(pairs)
    assert {e.distance for f in plans for e in f.foreground} == {"near", "", "far"}
    assert all(not any(e.label == f.bed.label for e in f.foreground) for f in plans if f.bed)
    for f in plans:
        for label in f.heard:  # what is repeated can be counted: gaps between
            found = f.of(label)
            assert all(b.start - a.end > 0.1 for a, b in pairwise(found))


def test_no_clip_holds_another_label_of_its_scene():
    mixed_up = [
        replace(i, labels=(*i.labels, "dog bark"))
        if i.labels == ("siren",)
        else replace(i, extra={"maybe": ["cat"]})
        if i.labels == ("rain",)
        else i
        for i in items()
    ]
    made = world(source=mixed_up, sounds=[2, 4])
    sirens = 0
    for index in range(200):
        heard = {e.label for e in made.plan(index).facts.events}
        sirens += "siren" in heard
        assert not {"siren", "dog bark"} <= heard
        assert not {"rain", "cat meow"} <= heard
    assert sirens > 5


def test_a_scene_depends_on_seed_and_index_alone():
    forwards, backwards = world(), world(source=items()[::-1], cache_mb=1)
    backwards.clips.limit = 100_000  # so that every clip is decoded again and again
    for index in (3, 1, 2):
        backwards.scene(index)
    for index in range(4):
        one, other = forwards.scene(index), backwards.scene(index)
        assert one.facts == other.facts
        assert one.text == other.text
        assert np.array_equal(one.audio.samples, other.audio.samples)
    assert world(seed=1).plan(0).facts != forwards.plan(0).facts
    assert forwards.plan(0).facts != replace(forwards.plan(1).facts, index=0)


def test_every_process_makes_the_same_scene():
    code = """
import hashlib, sys
from world_clips import world
scene = world(seed=5).scene(7)
print(hashlib.sha256(scene.audio.samples.tobytes() + repr((scene.facts, scene.text)).encode()).hexdigest())
"""
    scene = world(seed=5).scene(7)
    here = hashlib.sha256(scene.audio.samples.tobytes() + repr((scene.facts, scene.text)).encode()).hexdigest()
    for hash_seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parent)}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True, timeout=60)
        assert done.stdout.strip() == here


def test_what_is_left_out_is_gone_from_the_sound_and_the_truth():
    made = world(sounds=[2, 3])
    scene = next(s for i in range(20) if len((s := made.scene(i)).facts.heard) >= 2)
    label = scene.facts.heard[0]
    left = scene.without(label)
    assert label not in left.facts.everything
    gone = mixed([s for e, s in zip(scene.events, scene.stems, strict=False) if e.label == label])
    assert np.abs(left.audio.samples + gone - scene.audio.samples).max() <= 1e-6
    assert made.text(left.facts).captions


def test_the_cache_keeps_to_its_bytes_and_forgets_the_oldest():
    heard = []

    def opener(item):
        heard.append(item.id)
        return Audio(np.ones(1000, np.float32), RATE)

    clips = Clips(opener, RATE, limit=10_000)  # two of them
    sources = [as_source(i) for i in items() if i.labels == ("Cat",)][:3]
    for at in (0, 1, 0, 2, 0, 1):
        clips.samples(sources[at])
        assert clips.held <= clips.limit
    assert heard == [sources[i].item.id for i in (0, 1, 2, 1)]


def test_threads_and_other_processes_may_share_a_world():
    made = world(cache_mb=1)
    made.clips.limit = 200_000
    with ThreadPoolExecutor(4) as pool:
        scenes = list(pool.map(made.scene, range(24)))
    sent = pickle.loads(pickle.dumps(made))
    assert sent.clips.held == 0
    for index in (0, 11, 23):
        alone = sent.scene(index)
        assert alone.facts == scenes[index].facts
        assert np.array_equal(alone.audio.samples, scenes[index].audio.samples)


def test_faster_than_real_time_by_far():
    made = world(seconds=[10, 10], rate=16000, opener=lambda item: hear(item, 16000))
    for index in range(10):
        made.scene(index)
    best = 1e9
    for start in (10, 16, 22):
        begin = time.process_time()
        for index in range(start, start + 6):
            made.scene(index)
        best = min(best, time.process_time() - begin)
    assert 60 / best > 20


class TestAcoustics:
    def test_pauses_do_not_make_a_sound_quieter(self):
        tone = 0.1 * np.sin(np.arange(RATE) * 0.5).astype(np.float32)
        with_pause = np.concatenate([tone, np.zeros(3 * RATE, np.float32), tone])
        assert active_level(with_pause, RATE) == pytest.approx(active_level(tone, RATE), abs=0.05)
        assert active_level(tone, RATE) == pytest.approx(-23.0, abs=0.1)

    def test_spans_and_bursts(self):
        samples = np.zeros(4 * RATE, np.float32)
        for first, last in ((0.5, 0.8), (0.95, 1.2), (2.0, 2.5)):
            samples[round(first * RATE) : round(last * RATE)] = 0.2
        spans = active_spans(samples, RATE, below=40, gap=0.4, least=0.03)
        assert [(a / RATE, b / RATE) for a, b in spans] == [(0.5, 1.2), (2.0, 2.5)]
        assert bursts(samples, RATE) == 3
        assert active_spans(np.zeros(100, np.float32), RATE, below=40, gap=0.4, least=0.03) == ()

    def test_the_noise_of_a_recording_is_no_part_of_its_sound(self):
        samples = 0.002 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
        samples[RATE : RATE + RATE // 4] += 0.3
        spans = active_spans(samples, RATE, below=60, gap=0.1, least=0.03, above_floor=10)
        assert [(a / RATE, b / RATE) for a, b in spans] == [pytest.approx((1.0, 1.25), abs=0.011)]

    def test_an_echo_decays_by_60_db_in_its_time(self):
        tail = echo(Place("hall", 1.0, 10.0, 15.0), RATE, 1).astype(np.float64)
        early, late = (energy(tail[round(at * RATE) : round((at + 0.1) * RATE)]) for at in (0.1, 0.6))
        assert 10 * np.log10(early / late) == pytest.approx(30, abs=3)
        assert energy(tail) == pytest.approx(1.0, abs=1e-3)

    def test_loops_have_no_gap_and_low_pass_takes_the_top(self):
        noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
        long = looped(noise, 5 * RATE, RATE)
        assert len(long) == 5 * RATE
        assert min(np.std(long[at : at + 400]) for at in range(0, len(long) - 400, 400)) > 0.5
        spectrum = np.abs(np.fft.rfft(low_passed(noise, RATE, 500.0)))
        assert spectrum[3000:].mean() < 0.1 * spectrum[:300].mean()
