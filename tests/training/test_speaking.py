"""A speaker learns from composed scenes: examples, a stage that is continued, and that sound, not words, decides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from auricle.data.items import Question  # noqa: E402
from auricle.errors import DataError  # noqa: E402
from auricle.models.hearing import BANDS, STEPS  # noqa: E402
from auricle.training.speaking import recipe  # noqa: E402
from auricle.training.speaking.examples import Packer, asked, bins, listed, with_options  # noqa: E402
from auricle.training.speaking.scenes import frame_times, read_scenes  # noqa: E402
from auricle.training.speaking.stage import INPUTS, open_run, run  # noqa: E402

HIDDEN = 16
SMALL = {"vocabulary": 300, "width": 32, "layers": 1, "heads": 2, "listener": 1, "places": 96}


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
                "facts": {"seconds": n / 2 + 0.5, "events": [{"label": "dog" if dog else "rain", "start": 0.0, "end": 1.25}] * (1 + dog)},
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
            logits = model.decoder.say(model(*(batch[name] for name in INPUTS)))
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
