"""``auricle adapt`` as a function: methods × shots × draws, measured, and one of them kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from auricle.errors import ModelError, UsageError
from auricle.models import hub
from auricle.models.capabilities import Vectors
from auricle.training.errors import TrainingError
from auricle.training.transfer import adapter, probe, prompts
from auricle.training.transfer.decision import Decision, Floats, Shots
from auricle.training.transfer.hearing import listen, shots_of
from auricle.training.transfer.methods import METHODS, Method, check_settings, chosen, options_of
from auricle.training.transfer.table import Row, Table, check_picture, measured
from auricle.training.transfer.task import ALL, Places, Task

SHOTS: tuple[int | str, ...] = (1, 2, 4, 8, 16, ALL)
Watch = Callable[[str, int, int], None]


@dataclass
class Bench:
    """A task, the model that heard it, and what its methods need."""

    task: Task
    model: Any
    texts: Vectors
    names: Vectors
    heard: list[Vectors]
    run: Any = None  # Trainable
    settings: Mapping[str, str] = field(default_factory=dict)
    listened: Any = None

    def shots(self, places: Places, seed: int) -> Shots:
        return shots_of(self.task, self.heard, places, self.texts, self.names, seed)

    def decide(self, method: Method, shots: Shots) -> Decision:
        """A method on frozen embeddings, fitted to the shots. Raises TrainingError ``NaN``."""
        if method.name == "zero-shot":
            return prompts.decide(shots.names)
        if method.name == "prompts":
            return prompts.decide(shots.texts)
        if method.name == "probe":
            return probe.fit(shots)
        if method.name == "adapter":
            return adapter.fit(shots)
        if method.name == "residual":
            from auricle.training.transfer import residual

            return residual.fit(shots, options_of("residual", self.settings))
        from auricle.training.transfer import context

        return context.fit(shots, self.run, options_of("context", self.settings))

    def tuned(self, method: Method, places: Places, seed: int, then: Callable[[], Any], watch: Callable[[], None] | None = None) -> Any:
        """Train the towers on the sounds at ``places``, do ``then`` with them, and bring them back to what they were."""
        from auricle.training.transfer import full, lora, tuning

        options = options_of(method.name, self.settings)
        if self.listened is None:
            self.listened = tuning.Listened(self.task, self.run)
        flags = [(p, p.requires_grad) for p in self.run.towers.parameters()]
        try:
            if method.name == "lora":
                with lora.updates(self.run, options) as learned:
                    tuning.tune(self.run, learned, self.listened, places, options, name="lora", seed=seed, watch=watch)
            else:
                learned = full.parameters(self.run)
                tuning.tune(self.run, learned, self.listened, places, options, name="full", seed=seed, watch=watch)
            return then()
        finally:
            for p, flag in flags:
                p.requires_grad_(flag)
            self.run.restore()

    def scores(self, method: Method, learn: Places, test: Places, seed: int) -> tuple[Floats, str]:
        """``[n, k]`` of the test sounds, and what was chosen within the shots."""
        if method.makes == "bundle":
            from auricle.training.transfer import tuning

            def then() -> Floats:
                return tuning.scores(self.run, self.listened, test, prompts.ensemble(self.run, self.task.labels))

            options = options_of(method.name, self.settings)
            return self.tuned(method, learn, seed, then), f"{options.steps} steps at {options.rate:g}"
        decision = self.decide(method, self.shots(learn, seed) if method.shots else self._none(seed))
        return np.stack([decision.clip(self.heard[i]) for i in test]), decision.chosen

    def _none(self, seed: int) -> Shots:
        empty = np.zeros((0, self.texts.shape[1]), np.float32)
        truth = np.zeros((0, len(self.task.labels)), np.int8)
        return Shots(empty, np.zeros(0, np.int64), truth, (), self.texts, self.names, self.task.labels, self.task.exclusive, seed)


def adapt(
    model: str | os.PathLike[str],
    task: Task,
    *,
    methods: Sequence[str] | None = None,
    shots: Sequence[int | str] = SHOTS,
    seeds: int = 5,
    settings: Sequence[str] = (),
    save: str | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    plot: str | os.PathLike[str] | None = None,
    watch: Watch | None = None,
    told: Callable[[Row], None] | None = None,
) -> Table:
    """Measure what each method makes of the shots, and keep one of them.

    model:    anything ``auricle.load`` takes, the folder of a run, or that of a CLAP of transformers.
    methods: all that the model has, when none are named.
    seeds:    draws of the shots. settings: options of methods, such as ``lora.rate=1e-3``.
    save:     the method that is kept in ``out``, learned from all sounds to learn from: a taught head (its name or file), or, of lora
              and full, the folder of a bundle. One method alone is the one that is kept.
    told:     called with each row as soon as it is known. watch: with (what, done, of).

    Raises UsageError, DataError, ModelError, TrainingError.
    """
    from auricle.training.transfer import saving

    began = time.perf_counter()
    asked = check_settings(settings)
    wanted = check_shots(shots)
    if seeds < 1:
        raise UsageError(f"{seeds} draws are none.", hint="Give at least one, e.g. --seeds 5.")
    if plot is not None:
        check_picture(Path(plot))
    at = opened(model)
    run, loaded = _loaded(at, methods)
    has = at.run is not None or at.clap is not None
    found, notes = chosen(methods, run=has, model=str(model), reads=run is None or run.table() is not None)
    kept = _kept(save, out, methods, found)
    if kept is not None:
        assert out is not None
        if at.clap is not None and kept.makes == "head":
            hint = f"Convert it first (auricle models convert {at.clap} FOLDER), and adapt that bundle."
            raise UsageError(f"a head of {kept.name} belongs to a bundle, and {at.clap} is none.", hint=hint)
        saving.check(kept, out, overwrite)
    task, heard, failures = listen(task, loaded, None if watch is None else lambda done, of: watch("hearing", done, of))
    names, texts = prompts.ensemble(loaded, task.labels, ("{}",)), prompts.ensemble(loaded, task.labels)
    bench = Bench(task, loaded, texts, names, heard, run, asked)
    places = [(m, s) for m in found for s in (wanted if m.shots else (0,))]
    rows: list[Row] = []
    for done, (method, number) in enumerate(places):
        if watch is not None:
            watch(f"{method.name} {number or ''}".strip(), done, len(places))
        rows.append(replace(measure(bench, method, number, seeds), model=loaded.name, pipeline_id=loaded.pipeline_id))
        if told is not None:
            told(rows[-1])
    saved = ""
    if kept is not None and out is not None:
        if watch is not None:
            watch(f"keeping {kept.name}", len(places), len(places))
        saved = str(saving.save(bench, kept, out, overwrite=overwrite))
    table = Table(
        loaded.name, loaded.pipeline_id, task.labels, task.said, tuple(rows), (*task.notes, *notes), tuple(failures), saved,
        time.perf_counter() - began,
    )  # fmt: skip
    if plot is not None:
        table.plot(plot)
    return table


def measure(bench: Bench, method: Method, number: int | str, seeds: int) -> Row:
    """One row: every draw on every side, each test sound judged once a draw."""
    task = bench.task
    tested = np.concatenate([test for _, test in task.sides])
    random = method.shots and (number != ALL or method.makes == "bundle" or method.name == "context")
    drawn, learned, said = [], [], ""
    for seed in range(seeds if random else 1):
        parts = []
        for train, test in task.sides:
            try:
                places = task.draw(train, number, seed) if method.shots else train[:0]
            except ValueError as error:
                return Row(method.name, number, missing=f"{error}.")
            scores, what = bench.scores(method, places, test, seed)
            parts.append(scores)
            learned.append(len(places))
            said = said or what
        drawn.append(np.concatenate(parts))
    clips = [task.examples[i].clip for i in tested]
    numbers = measured(drawn, task.truth[tested], clips, task.exclusive)
    return Row(method.name, number, learned=float(np.mean(learned)), chosen=said, **numbers)


def check_shots(shots: Sequence[int | str]) -> list[int | str]:
    """Raises UsageError for what is no number of shots."""
    found: list[int | str] = []
    for one in shots:
        text = str(one).strip().lower()
        if text != ALL and not (text.isdigit() and int(text) > 0):
            raise UsageError(f"{one!r} is no number of shots.", hint="Give numbers from 1 on, or all: --shots 1,2,4,8,16,all.")
        found.append(ALL if text == ALL else int(text))
    if not found:
        raise UsageError("no number of shots is given.", hint="For example: --shots 1,4,16,all.")
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Opened:
    """``name``: what ``auricle.load`` takes. ``run``: the folder of a run; ``clap``: that of a checkpoint of transformers."""

    name: str
    run: Path | None = None
    clap: Path | None = None


def opened(model: str | os.PathLike[str]) -> Opened:
    """Raises ModelError, TrainingError ``Pickle``."""
    from auricle.training import checkpoint

    path = Path(os.fspath(model)).expanduser()
    if path.is_file():
        checkpoint.refuse_pickle(path)
        raise ModelError("Missing", f"{path} is a file, no model.", hint="Name a model, the folder of a bundle, or the folder of a run.")
    if path.is_dir() and not (path / "card.json").is_file():
        if (path / "recipe.yaml").is_file() and (path / "checkpoints").is_dir():
            return Opened(str(_bundle_of(path)), run=path)
        if not any(path.glob("*.safetensors")):
            for file in sorted(path.iterdir()):
                if file.is_file() and file.suffix.lower() in (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"):
                    checkpoint.refuse_pickle(file)
        elif (path / "config.json").is_file():
            return Opened("", clap=path)
    return Opened(str(path) if path.is_dir() else os.fspath(model))


def _bundle_of(folder: Path) -> Path:
    path = folder / "bundle"
    if not (path / "card.json").is_file():
        message = f"{folder} holds no bundle: the run did not come to its end."
        raise ModelError("Missing", message, hint=f"Finish it: auricle train RECIPE --out {folder} --resume")
    return path


def _loaded(found: Opened, methods: Sequence[str] | None) -> tuple[Any, Any]:
    """Towers with weights (where there are some and a method needs them), and the model that hears."""
    if found.clap is not None:
        try:
            from auricle.training.transfer.clap import open_clap
        except ImportError:
            hint = 'Install it with: pip install "auricle[train,hf]"'
            raise TrainingError("NoTorch", f"{found.clap} needs torch and transformers.", hint=hint) from None
        towers = open_clap(found.clap)
        return towers, towers.model
    loaded = hub.load(found.name)
    if not hasattr(loaded, "embed_text"):
        raise ModelError("Capability", f"{loaded.name} reads no text.", hint="Use a model of two towers, such as tiny-towers.")
    if found.run is None or (methods is not None and not any(METHODS[m].towers for m in methods if m in METHODS)):
        return None, loaded
    try:
        from auricle.training.transfer.towers import open_run
    except ImportError:
        if methods is None:
            return None, loaded
        raise TrainingError("NoTorch", "to train towers needs torch.", hint='Install it with: pip install "auricle[train]"') from None
    return open_run(found.run), loaded


def _kept(save: str | None, out: Any, methods: Sequence[str] | None, found: Sequence[Method]) -> Method | None:
    """The method to keep. Raises UsageError where that is not said."""
    if out is None:
        if save is not None:
            raise UsageError(f"--save {save}: it has no name.", hint="Name it with --out, e.g. --out my-dogs.")
        return None
    if save is None:
        if methods is None or len(found) != 1:
            raise UsageError("which method is to be kept is not said.", hint=f"Give --save with one of {', '.join(m.name for m in found)}.")
        return found[0]
    match = next((m for m in found if m.name == save), None)
    if match is None:
        raise UsageError(f"--save {save}: it is none of the methods.", hint=f"They are {', '.join(m.name for m in found)}.")
    return match
