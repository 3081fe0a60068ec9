"""What stands in a batch is a function of (seed, epoch, place) alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_set import RECIPE, make_set, short_items

from auricle.data.webdataset import write_shards
from auricle.demo import SOUNDS
from auricle.errors import DataError, UsageError
from auricle.training.corpus import order
from auricle.training.loop import Run
from auricle.training.recipe import load

EVERYTHING = RECIPE.replace(
    "objectives:\n",
    "objectives:\n  - {kind: frame_text}\n  - {kind: hard_negatives}\n  - {kind: frame_events}\n  - {kind: masked_language}\n",
)


def feed(folder, recipe=RECIPE, *settings, items=None):
    return Run.begin(load(make_set(folder, items, recipe), settings), folder / "run").feed


def same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        assert torch.equal(value, b[key]) if isinstance(value, torch.Tensor) else value == b[key], key


def test_threads_and_order_of_asking_do_not_matter(tmp_path):
    found = feed(tmp_path, EVERYTHING)
    one_by_one = {i: found.batch(i) for i in (4, 0, 2, 1, 3)}
    for i, batch in enumerate(found.run(0, 5)):
        same(batch, one_by_one[i])
    again = feed(tmp_path / "again", EVERYTHING, "data.workers=0")
    for i, batch in enumerate(again.run(2, 5), 2):
        same(batch, one_by_one[i])


def test_another_seed_is_another_order(tmp_path):
    a, b = feed(tmp_path / "a"), feed(tmp_path / "b", RECIPE, "seed=4")
    assert not torch.equal(a.batch(0)["mel"], b.batch(0)["mel"])


def test_shares_of_processes_make_the_batch(tmp_path):
    found = feed(tmp_path, EVERYTHING)
    whole = found.batch(1)
    parts = []
    for rank in range(2):
        found.rank, found.world = rank, 2
        parts.append(found.batch(1))
    for key in ("mel", "frame_mask", "labels", "text_ids", "event_timed", "mel_masked"):
        assert torch.equal(torch.cat([part[key] for part in parts]), whole[key]), key
    assert parts[0]["texts"] + parts[1]["texts"] == whole["texts"]


def test_an_epoch_has_every_item_as_often_as_its_set_weighs():
    found = order(1, 0, [(10, 1.0), (6, 2.5)])
    counts = {pair: int(((found[:, 0] == pair[0]) & (found[:, 1] == pair[1])).sum()) for pair in {tuple(p) for p in found.tolist()}}
    assert all(counts[(0, i)] == 1 for i in range(10))
    assert sorted(counts[(1, i)] for i in range(6)) == [2, 2, 2, 3, 3, 3]
    assert not np.array_equal(found, order(1, 1, [(10, 1.0), (6, 2.5)]))
    assert np.array_equal(found, order(1, 0, [(10, 1.0), (6, 2.5)]))


def test_what_a_batch_holds(tmp_path):
    batch = feed(tmp_path, EVERYTHING).batch(0)
    frames = batch["frame_mask"].shape[1]
    assert batch["mel"].shape == (4, 98, 16)
    assert batch["mel"].dtype == torch.float32
    assert batch["tokens"].shape == batch["token_mask"].shape == batch["masked"].shape == batch["masked_tokens"].shape
    assert batch["masked"].any(1).all()
    assert batch["labels"].sum(1).tolist() == [1, 1, 1, 1]
    assert batch["events"].shape == (4, frames, 13)
    assert batch["event_frames"].shape[::2] == (4, frames)
    assert batch["negatives"].shape[:2] == batch["negative_valid"].shape
    assert 0.2 < batch["mel_masked"].float().mean() < 0.8
    assert not batch["events"][~batch["event_timed"]].any()


def test_frames_know_when_an_event_sounds(tmp_path):
    """Frames of .335 s every .16 s; an event of the first .5 s fills the first and half of the second, and is over at the sixth."""
    plain = RECIPE.replace(
        "  augment: {gain: [-6, 6], shift: true, noise: 0.5, mix: 0.3, mask_time: 8, mask_bands: 4}\n", "  augment: {}\n"
    ).replace("- {kind: tagging", "- {kind: frame_events")
    long = [replace(i, events=(i.events or ()) and (replace(i.events[0], end=0.5),)) for i in short_items() if i.events]
    found = feed(tmp_path, plain, items=long)
    item = found.item(found.corpus.sets[0].entries[0], np.random.default_rng(0))
    start = found.sounds.stretch(found.corpus.sets[0].entries[0], 1.0, float(np.random.default_rng(0).random()))[1]
    column = item["events"].max(1)
    begins = start + np.arange(found.frames) * found.hop / 8000
    shared = np.minimum(begins + found.built.front.length / 8000, 0.5) - np.maximum(begins, 0)
    assert column.tolist() == (shared >= 0.5 * found.built.front.length / 8000).astype(float).tolist()


def test_an_unreadable_clip_is_named_and_another_takes_its_place(tmp_path):
    items = short_items()
    (tmp_path / "broken.wav").write_bytes(b"RIFFnothing")
    items[2] = replace(items[2], audio="broken.wav", start=0.0, end=None, duration=None, hash="")
    items[5] = replace(items[5], audio="gone.wav", hash="")
    found = feed(tmp_path, items=items)
    batches = [found.batch(i) for i in range(found.batches)]
    assert all(len(batch["mel"]) == 4 for batch in batches)
    assert sorted(path.rsplit("/", 1)[1] for path in found.failed) == ["broken.wav", "gone.wav"]
    again = feed(tmp_path / "again", items=items)
    (tmp_path / "again" / "broken.wav").write_bytes(b"RIFFnothing")
    same(again.batch(1), batches[1])


def test_mistakes_in_the_data(tmp_path):
    with pytest.raises(UsageError, match=r"small.yaml:21: an epoch has 13 items, fewer than a batch of 64"):
        feed(tmp_path / "a", RECIPE.replace("batch: 4", "batch: 64"))
    with pytest.raises(UsageError, match=r"small.yaml:4: there is no manifest at .*none.jsonl"):
        feed(tmp_path / "b", RECIPE.replace("small.jsonl", "none.jsonl"))
    with pytest.raises(UsageError, match="has no item of split 'train' to use"):
        feed(tmp_path / "c", items=[replace(i, split="test") for i in short_items()])
    with pytest.raises(UsageError, match="13 without words"):
        feed(tmp_path / "d", items=[replace(i, captions=(), labels=(), events=()) for i in short_items()])
    folder = tmp_path / "e"
    make_set(folder)
    with (folder / "small.jsonl").open("a") as file:
        file.write('{"id": "x", "captions": ["..."]}\n')
    with pytest.raises(DataError, match=r"small.jsonl:14: .*no words"):
        Run.begin(load(folder / "small.yaml"), folder / "run")


def test_a_world_gives_new_scenes_every_epoch(tmp_path):
    """Scenes of the small set's clips: words, events and counterfactuals with them; the same in every process."""
    (tmp_path / "world.yaml").write_text(
        "manifests: [small.jsonl]\nseconds: [2, 3]\nmin_clips: 1\nrate: 16000\nsounds: [2, 3]\nbackground: 0\nspeech: 0\nmusic: 0\n"
    )
    recipe = EVERYTHING.replace("manifests: [{path: small.jsonl}]", "worlds: [{path: world.yaml, scenes: 8}]")
    found = feed(tmp_path, recipe, "data.workers=0", "data.augment.mix=0")
    batch = found.batch(0)
    assert found.batches == 2
    assert batch["event_timed"].all()
    assert batch["event_frames"].any()
    assert batch["negative_valid"].any(1).all()
    same(batch, found.batch(0))
    assert batch["texts"] != found.batch(2)["texts"]  # the next epoch
    assert len(found.built.sizes.labels) >= 2
    with pytest.raises(UsageError, match="name at least one manifest or world"):
        feed(tmp_path / "none", RECIPE.replace("manifests: [{path: small.jsonl}]", "worlds: []"))


def test_a_shard_with_an_unreadable_clip(tmp_path):
    """A tar is its own manifest; the member that is no sound is named, and the rest is trained on."""
    make_set(tmp_path)
    found = [
        (replace(i, start=0.0, end=None, duration=None, hash=""), str(SOUNDS / i.audio.removeprefix("sounds/"))) for i in short_items()
    ]
    found[4] = (replace(found[4][0], audio="broken.wav"), b"RIFFnothing at all")
    write_shards(tmp_path / "clips.tar", found)
    shard = feed(tmp_path, RECIPE.replace("small.jsonl", "clips.tar"))
    batches = [shard.batch(i) for i in range(shard.batches)]
    assert all(len(batch["mel"]) == 4 for batch in batches)
    ((path, error),) = shard.failed.items()
    assert ".tar#" in path
    assert ".tar#" in error.message
