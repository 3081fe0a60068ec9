"""A speaker learns from composed scenes: examples, a stage that is continued, and that sound, not words, decides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from auricle.data.items import Question  # noqa: E402
from auricle.data.world.facts import SceneEvent  # noqa: E402
from auricle.errors import DataError  # noqa: E402
from auricle.models.capabilities import with_options  # noqa: E402
from auricle.models.hearing import BANDS, STEPS  # noqa: E402
from auricle.training.speaking import recipe  # noqa: E402
from auricle.training.speaking.examples import Packer, asked, bins, listed  # noqa: E402
from auricle.training.speaking.scenes import SceneTexts, frame_times, kinds_of, read_scenes, truth  # noqa: E402
from auricle.training.speaking.stage import READ, losses, open_run, run  # noqa: E402

HIDDEN = 384  # as tiny-towers hears
SMALL = {"vocabulary": 300, "width": 32, "layers": 1, "heads": 2, "listener": 1, "places": 96}


def event(label: str, start: float, end: float, **more: object) -> dict[str, object]:
    return {"label": label, "start": start, "end": end, "item": label, "clip": label, "level": -20.0, "snr": None, **more}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes in which a dog is one direction and rain another."""
    folder = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(0)
    frames, rows, starts = [], [], [0]
    for index in range(64):
        dog, n = index % 2, int(rng.integers(3, 8))
        vectors = rng.standard_normal((n, HIDDEN)) / 10
        vectors[:, dog] += 1
        frames.append(vectors)
        starts.append(starts[-1] + n)
        said = "a dog barks" if dog else "rain falls"
        rows.append(
            {
                "index": index,
                "facts": {
                    "index": index,
                    "split": "",
                    "room": "",
                    "decay": 0.0,
                    "seconds": n / 2 + 0.5,
                    "events": [event("dog" if dog else "rain", 0.0, 1.25)] * (1 + dog),
                },
                "captions": [said, "someone says “hello”"],
                "false": [],
                "questions": [
                    {"q": "Is there a dog?", "a": "yes" if dog else "no", "o": ["yes", "no"], "kind": "presence"},
                    {"q": "What is said?", "a": "hello", "o": ["hello", "ow"], "kind": "said"},
                ],
                "clips": [str(index)],
            }
        )
    (folder / "000000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    envelopes = np.zeros((starts[-1], STEPS * BANDS), np.float16)
    np.savez(folder / "000000.npz", frames=np.concatenate(frames).astype(np.float16), envelopes=envelopes, starts=np.array(starts))
    return folder


def stage(scenes: Path, tmp_path: Path, **changes: object) -> recipe.Stage:
    path = tmp_path / "stage.yaml"
    values = {"scenes": [str(scenes)], "size": SMALL, "batch": 8, "steps": 60, "rate": 3e-3, "warmup": 5, "deaf": 0.1, "log_every": 20}
    path.write_text(json.dumps({**values, **changes}))
    return recipe.load(path)


def test_scenes_leave_out_what_cannot_be_heard(scenes: Path) -> None:
    found = read_scenes(scenes)
    assert len(found) == 64
    assert found[1].captions == ("a dog barks",)
    assert [q.kind for q in found[1].questions] == ["presence"]
    with pytest.raises(DataError, match="holds no scenes"):
        read_scenes(scenes / "nowhere")


def test_times_of_frames() -> None:
    assert frame_times(3, 1.9).tolist() == pytest.approx([0.0, 0.5, 0.925])
    assert frame_times(1, 0.4).tolist() == [0.0]


def test_truth_of_frames() -> None:
    """What sounds longer than a moment inside a frame, where it begins, and what is not known."""
    rain = SceneEvent(0.0, 3.0, "rain", "", "", 0.0, bed=True, also=("water",))
    bark = SceneEvent(1.3, 1.4, "dog", "", "", 0.0, maybe=("wolf",))
    scene = SceneTexts(0, np.zeros((5, 1), np.float16), frame_times(5, 2.975), (), (), (), (), (), (rain, bark))
    holds, begins, known = truth(scene, {"cat": 0, "dog": 1, "rain": 2, "water": 3, "wolf": 4})
    assert holds[:, 0].tolist() == [0] * 5
    assert holds[:, 1].tolist() == [0, 1, 1, 0, 0]
    assert holds[:, 2].tolist() == holds[:, 3].tolist() == [1] * 5
    assert begins[:, 1].tolist() == [0, 0, 1, 0, 0]
    assert not begins[:, 2].any()  # a background does not begin
    assert known.tolist() == [True, True, True, True, False]
    assert kinds_of([scene] * 3) == ["dog", "rain", "water"]
    assert kinds_of([scene]) == []


def test_what_is_told_is_not_heard(scenes: Path, tmp_path: Path) -> None:
    """Where the kinds are told by name, the frames change nothing; where only kinds are learned, nothing is said."""
    run(stage(scenes, tmp_path, steps=1), tmp_path / "run", tmp_path)
    model, tokenizer = open_run(tmp_path / "run")
    packer = Packer(tokenizer, captions=1, questions=1, whole=True, deaf=0.0, places=96, kinds=("dog", "rain"))
    batch = packer(read_scenes(scenes)[:4], np.random.default_rng(0))
    told = (batch["holds"] * 8 - 4, batch["begins"] * 8 - 4)
    other = {**batch, "frames": torch.randn_like(batch["frames"])}
    with torch.no_grad():
        said, held = losses(model, batch, told=told)
        assert losses(model, other, told=told)[0] == said
        assert held == 0
        assert losses(model, other)[0] != losses(model, batch)[0]
        silent = losses(model, batch, silent=True)
    assert silent[0] == 0
    assert silent[1] > 0


def test_ears_of_another_stage(scenes: Path, tmp_path: Path) -> None:
    run(stage(scenes, tmp_path, steps=2, loss="kinds"), tmp_path / "ears", tmp_path)
    run(stage(scenes, tmp_path, steps=2, told=1.0, loss="whole"), tmp_path / "words", tmp_path)
    run(
        stage(scenes, tmp_path, steps=1, rate=1e-12, init=str(tmp_path / "words"), ears=str(tmp_path / "ears")), tmp_path / "both", tmp_path
    )
    ears, words, both = (open_run(tmp_path / name)[0].state_dict() for name in ("ears", "words", "both"))
    assert torch.allclose(both["kinds.holds.weight"], ears["kinds.holds.weight"])
    assert torch.allclose(both["decoder.words.weight"], words["decoder.words.weight"])
    assert not torch.allclose(ears["kinds.holds.weight"], words["kinds.holds.weight"])


def test_names_are_offered_where_they_must_be() -> None:
    rng = np.random.default_rng(0)
    which = Question("Which of these is heard?", "rain", ("rain", "a dog"), "presence")
    for _ in range(20):
        prompt, answer = asked(which, rng, options=0.0)
        assert "(A) " in prompt
        assert answer == "rain"
    count = Question("How many times?", "two", ("one", "two"), "count")
    assert asked(count, rng, options=1.0)[0].endswith("(A) one\n(B) two")
    assert with_options("What?", ["x"]) == "What?\n(A) x"


def test_sounds_are_listed_with_counts_and_times(scenes: Path) -> None:
    every, when = listed(read_scenes(scenes)[1], np.random.default_rng(0))
    assert every[1] == "dog ×2"
    assert "dog" in when[0]
    assert when[1] == "0.0–1.2 s, 0.0–1.2 s"


def test_rows_hold_each_text_once() -> None:
    texts = [([1] * n, 1) for n in (70, 10, 30, 45, 200, 5)]
    rows = bins(texts)
    assert sorted(number for row in rows for number, _, _ in row) == list(range(6))
    assert all(sum(len(ids) for _, ids, _ in row) <= 80 or len(row) == 1 for row in rows)


def test_a_stage_learns_to_listen(scenes: Path, tmp_path: Path) -> None:
    run(stage(scenes, tmp_path, steps=120, rate=5e-3), tmp_path / "run", tmp_path)
    model, tokenizer = open_run(tmp_path / "run")
    packer = Packer(tokenizer, captions=0, questions=0, whole=False, deaf=0.0, places=96)
    right = 0
    for scene in read_scenes(scenes)[:20]:
        batch = packer.batch([scene], [[("Is there a dog?", "yes"), ("Is there a dog?", "no")]], np.array([True]))
        with torch.no_grad():
            prefix, slots, _, _ = model.hear(batch["frames"], batch["times"], batch["mask"])
            logits = model.decoder.say(model(prefix, slots, *(batch[name] for name in READ)))
        target = batch["target"]
        each = torch.log_softmax(logits[target >= 0], -1).gather(1, target[target >= 0][:, None])[:, 0]
        sums = torch.zeros(2).index_add(0, batch["texts"][target >= 0], each)
        right += ("yes", "no")[int(sums.argmax())] == scene.questions[0].answer
    assert right >= 19


def test_a_stage_is_continued_as_if_never_stopped(scenes: Path, tmp_path: Path) -> None:
    whole = stage(scenes, tmp_path, steps=6, save_every=3)
    run(whole, tmp_path / "once", tmp_path)
    run(whole, tmp_path / "twice", tmp_path, until=0.0)
    run(whole, tmp_path / "twice", tmp_path)
    one, other = (open_run(tmp_path / name)[0].state_dict() for name in ("once", "twice"))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_bad_recipes(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("scenes: [x]\nstep: 3\n")
    with pytest.raises(DataError, match="step"):
        recipe.load(tmp_path / "bad.yaml")
    with pytest.raises(DataError, match="No such file"):
        recipe.load(tmp_path / "none.yaml")
