"""A run, from recipe to weights. Killed at any moment and resumed, it ends with the same weights, bit for bit.

Nothing but the step decides what comes next: item order, crops, augmentation and dropout are functions of (seed, epoch, step), so a
checkpoint holds weights, averages, optimiser and the step, and no state of any generator.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from auricle.training import checkpoint, logbook
from auricle.training.building import Built, build, check_objectives
from auricle.training.corpus import Corpus, Set, data_hash, gather
from auricle.training.errors import TrainingError
from auricle.training.feed import Feed
from auricle.training.gradients import backward, summed
from auricle.training.measuring import retrieval
from auricle.training.objectives import of_kind
from auricle.training.recipe import Recipe, differences
from auricle.training.teachers import Teaching


@dataclass(frozen=True, slots=True)
class Update:
    """A moment of a run, for whoever watches."""

    step: int
    steps: int
    loss: float
    measured: dict[str, float] = field(default_factory=dict)


@dataclass
class Run:
    """A run that is set up: ``Run.begin`` reads data and builds the model, ``go`` trains."""

    recipe: Recipe
    folder: Path
    accelerator: Any
    corpus: Corpus
    held_out: Corpus
    built: Built
    feed: Feed
    steps: int
    optimiser: torch.optim.AdamW
    average: dict[str, Tensor] | None
    step: int = 0

    @classmethod
    def begin(cls, recipe: Recipe, folder: Path, *, resume: bool = False) -> Run:
        """Raises UsageError, DataError, ModelError, TrainingError."""
        from accelerate import Accelerator

        check_objectives(recipe)
        folder.mkdir(parents=True, exist_ok=True)
        last = checkpoint.newest(folder)
        if last and not resume:
            hint = "Go on with --resume, or name another --out."
            raise recipe.source.error(("out",), f"{folder} holds a run already (step {last.step}). {hint}")
        accelerator = Accelerator(cpu=not torch.cuda.is_available())
        needs = {key for spec in recipe.objectives for key in of_kind(spec.kind).needs}
        corpus = gather(recipe, recipe.data.manifests, needs, ("data", "manifests"))
        corpus.sets += _worlds(recipe)
        if recipe.evaluate.on and "tokens" not in needs:
            raise recipe.source.error(("evaluate", "on"), "no objective reads text, so there is no retrieval to measure; leave it out.")
        held_out = gather(recipe, recipe.evaluate.on, {"audio", "tokens"}, ("evaluate", "on"))
        if last:
            _same_recipe(recipe, corpus, last)
        tokenizer = folder / "tokenizer.json"
        teaching = Teaching(recipe)
        counts = corpus.label_counts
        labels = {label: counts[label.lower()] for label in (recipe.data.labels if recipe.data.labels is not None else corpus.labels)}
        built = build(recipe, corpus.texts(), labels, teaching.widths, tokenizer.read_bytes() if last and tokenizer.is_file() else None)
        _check_fit(recipe, built)
        if recipe.budget.batch % accelerator.num_processes:
            message = f"a batch of {recipe.budget.batch} does not divide over {accelerator.num_processes} processes."
            raise recipe.source.error(("budget", "batch"), message)
        feed = Feed(recipe, corpus, built, teaching, rank=accelerator.process_index, world=accelerator.num_processes)
        steps = recipe.budget.steps or (recipe.budget.epochs or 1) * feed.batches // recipe.budget.accumulate
        if recipe.model.init and not last:
            _begin_from(recipe, built)
        built.towers.to(accelerator.device)
        built.objectives.to(accelerator.device)
        run = cls(recipe, folder, accelerator, corpus, held_out, built, feed, max(1, steps), _optimiser(recipe, built), None)
        if recipe.optimiser.ema is not None:
            run.average = {name: p.detach().clone() for name, p in run.parameters()}
        if last:
            run._restore(last)
        elif accelerator.is_main_process:
            tokenizer.write_bytes(built.words.document)
            (folder / "recipe.yaml").write_text(recipe.source.text, "utf-8")
        return run

    def parameters(self) -> Iterator[tuple[str, Tensor]]:
        """What is trained, by name."""
        yield from _parameters(self.built)

    # ------------------------------------------------------------------------------------------------------------ going

    def go(self, watch: Callable[[Update], None] | None = None) -> None:
        """Train to the end; Ctrl-C saves first and then raises KeyboardInterrupt.

        Raises TrainingError: ``NaN``, ``DiskFull``; the last good checkpoint stays.
        """
        main, budget = self.accelerator.is_main_process, self.recipe.budget
        book = logbook.Logbook(self.folder, self.step) if main else None
        accumulate = budget.accumulate
        batches = self.feed.run(self.step * accumulate, self.steps * accumulate)
        deterministic = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(True, warn_only=True)
        began, first, told = time.monotonic(), self.step, len(self.feed.failed)
        try:
            with contextlib.closing(batches), _asked_to_stop() as stop:
                self.built.towers.train()
                while self.step < self.steps:
                    loss, parts, norm = self._one_step(batches)
                    update = Update(self.step, self.steps, loss)
                    last = self.step == self.steps
                    if book and (self.step % budget.log_every == 0 or last):
                        rate = (self.step - first) * budget.batch * accumulate / max(1e-9, time.monotonic() - began)
                        record = {"step": self.step, "epoch": self.step * accumulate / self.feed.batches, "loss": loss, "parts": parts}
                        book.write({**record, "rate": self._rate(self.step), "norm": norm, "items_per_second": round(rate, 1)})
                        for path, error in list(self.feed.failed.items())[told:]:
                            book.write({"step": self.step, "unreadable": path, "kind": error.kind})
                        told = len(self.feed.failed)
                    if book and self.held_out.sets and (self.step % self.recipe.evaluate.every == 0 or last):
                        update = Update(self.step, self.steps, loss, self.measure())
                        book.write({"step": self.step, "measured": update.measured})
                    if watch and main:
                        watch(update)
                    stopped = self._any(stop.is_set()) and not last
                    if self.step % budget.save_every == 0 or last or stopped:
                        self.save()
                    if stopped:
                        raise KeyboardInterrupt
        finally:
            torch.use_deterministic_algorithms(deterministic)
            if book:
                book.close()
                logbook.plot(self.folder)

    def _one_step(self, batches: Iterator[Any]) -> tuple[float, dict[str, float], float]:
        recipe, objectives = self.recipe, list(self.built.objectives)
        accumulate = recipe.budget.accumulate
        loss, parts = 0.0, {}
        for part in range(accumulate):
            batch = {k: v.to(self.accelerator.device) if isinstance(v, Tensor) else v for k, v in next(batches).items()}
            seed = _seed(recipe.seed, self.step, part, self.accelerator.process_index)
            with self.accelerator.autocast():
                result = backward(
                    self.built.towers, objectives, batch,
                    chunk=recipe.budget.chunk, scale=1 / accumulate, seed=seed, accelerator=self.accelerator,
                )  # fmt: skip
            loss, parts = loss + result.value / accumulate, result.parts
        trained = [p for _, p in self.parameters()]
        summed(self.accelerator, trained)
        norm = float(nn.utils.clip_grad_norm_(trained, recipe.optimiser.clip or math.inf))
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise self._no_number(loss, parts)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(self.step)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        if self.average is not None and recipe.optimiser.ema is not None:
            for name, p in self.parameters():
                self.average[name].lerp_(p.detach(), 1 - min(recipe.optimiser.ema, self.step / (self.step + 10)))
        return loss, parts, norm

    def _any(self, flag: bool) -> bool:
        """Whether it is so in any process: they stop together."""
        if self.accelerator.num_processes == 1:
            return flag
        return bool(self.accelerator.reduce(torch.tensor([float(flag)]), reduction="sum").item() > 0)

    def _no_number(self, loss: float, parts: dict[str, float]) -> TrainingError:
        last = checkpoint.newest(self.folder)
        culprit = next((f" ({name})" for name, value in parts.items() if not math.isfinite(value)), "")
        what = f"the loss{culprit} is {loss}" if not math.isfinite(loss) else "the gradient is not finite"
        kept = f"The checkpoint of step {last.step} is intact." if last else "Nothing was saved yet."
        return TrainingError("NaN", f"step {self.step + 1}: {what}. {kept}", hint="Lower optimiser.rate, or clip harder.")

    def _rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine."""
        spec = self.recipe.optimiser
        if step < spec.warmup:
            return spec.rate * (step + 1) / spec.warmup
        done = (step - spec.warmup) / max(1, self.steps - spec.warmup)
        return spec.rate * (spec.end + (1 - spec.end) * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def measure(self) -> dict[str, float]:
        """Retrieval among the held-out items, with averaged weights where there are some."""
        with self.averaged():
            return retrieval(self.feed, self.held_out)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in place of the last ones."""
        if self.average is None:
            yield
            return
        last = {name: p.detach().clone() for name, p in self.parameters()}
        try:
            _copy(self.average, self.parameters())
            yield
        finally:
            _copy(last, self.parameters())

    # ------------------------------------------------------------------------------------------------------------ saving

    def save(self) -> None:
        if self.accelerator.is_main_process:
            tensors: dict[str, dict[str, Tensor]] = {checkpoint.WEIGHTS: dict(self.parameters()), checkpoint.OPTIMISER: self._moments()}
            if self.average is not None:
                tensors[checkpoint.AVERAGE] = self.average
            state = {"recipe": self.recipe.deciding(), "hash": self.recipe.hash, "data": data_hash(self.corpus)}
            state["from"] = str(self.recipe.source.folder.resolve())  # what paths of the recipe are relative to
            checkpoint.save(self.folder, self.step, tensors, state, self.recipe.budget.keep)
        self.accelerator.wait_for_everyone()

    def _moments(self) -> dict[str, Tensor]:
        found = {}
        for name, p in self.parameters():
            for key, value in self.optimiser.state.get(p, {}).items():
                found[f"{name}/{key}"] = value
        return found

    def _restore(self, last: checkpoint.Checkpoint) -> None:
        trained = dict(self.parameters())
        _fill(trained, checkpoint.load(last.path / checkpoint.WEIGHTS), last.path / checkpoint.WEIGHTS)
        if self.average is not None:
            _fill(self.average, checkpoint.load(last.path / checkpoint.AVERAGE), last.path / checkpoint.AVERAGE)
        for key, value in checkpoint.load(last.path / checkpoint.OPTIMISER).items():
            name, _, part = key.rpartition("/")
            if name in trained:
                moved = value if part == "step" else value.to(trained[name].device)
                self.optimiser.state[trained[name]][part] = moved
        self.step = last.step


def _parameters(built: Built) -> Iterator[tuple[str, Tensor]]:
    for name, p in built.towers.named_parameters():
        if p.requires_grad:
            yield f"towers.{name}", p
    for name, p in built.objectives.named_parameters():
        yield f"objectives.{name}", p


def _optimiser(recipe: Recipe, built: Built) -> torch.optim.AdamW:
    """AdamW (Loshchilov 2019, arXiv 1711.05101); biases, norms and scales do not decay."""
    spec, named = recipe.optimiser, [p for _, p in _parameters(built)]
    groups = [
        {"params": [p for p in named if p.dim() > 1], "weight_decay": spec.weight_decay},
        {"params": [p for p in named if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=spec.rate, betas=spec.betas)


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: Iterator[tuple[str, Tensor]]) -> None:
    for name, p in target:
        p.copy_(source[name])


@torch.no_grad()
def _fill(target: dict[str, Tensor], source: dict[str, Tensor], path: Path) -> None:
    for name, p in target.items():
        if name not in source or source[name].shape != p.shape:
            raise TrainingError("OtherRecipe", f"{path} does not fit this recipe's model: {name}.", hint="Train it from its start.")
        p.copy_(source[name])


def _worlds(recipe: Recipe) -> list[Set]:
    if not recipe.data.worlds:
        return []
    from auricle.training.worlds import world_set

    return [world_set(recipe, spec) for spec in recipe.data.worlds]


def _begin_from(recipe: Recipe, built: Built) -> None:
    """``model.init``: what fits by name and shape is taken over; of each that must be something."""
    named = recipe.model.init or []
    for name in [named] if isinstance(named, str) else named:
        path = checkpoint.weights_of(recipe.path(name))
        if not path.is_file() and path.suffix == ".safetensors":
            raise recipe.source.error(("model", "init"), f"there are no weights at {path}.")
        weights = checkpoint.load(path)
        fitting = {key: p for key, p in _parameters(built) if key in weights and weights[key].shape == p.shape}
        if not fitting:
            raise recipe.source.error(("model", "init"), f"{path} holds no weights that fit this model.")
        _fill(fitting, weights, path)


def _same_recipe(recipe: Recipe, corpus: Corpus, last: checkpoint.Checkpoint) -> None:
    hint = "Name another --out, or undo the change."
    if last.state.get("hash") != recipe.hash:
        changed = differences(last.state.get("recipe", {}), recipe.deciding())
        message = f"{last.path} is of another recipe: {', '.join(changed[:5]) or 'all of it'} differs."
        raise TrainingError("OtherRecipe", message, hint=hint)
    if last.state.get("data") != data_hash(corpus):
        raise TrainingError("OtherRecipe", f"{last.path} was trained on other data: the manifests changed since.", hint=hint)


def _check_fit(recipe: Recipe, built: Built) -> None:
    """What the data section says against what the encoder is."""
    patch = built.front.length / built.front.rate
    if built.frozen is None and recipe.data.seconds < patch:
        message = f"{recipe.data.seconds:g} s are shorter than one patch of the audio encoder, {patch:.3f} s."
        raise recipe.source.error(("data", "seconds"), message)
    spec = recipe.data.augment
    if built.frozen is not None and spec.model_dump(exclude_defaults=True):
        message = "a frozen audio encoder hears each sound once, as it is; leave augment out, or train the encoder."
        raise recipe.source.error(("data", "augment"), message)


def _seed(*numbers: int) -> int:
    return int.from_bytes(hashlib.blake2b(repr(numbers).encode(), digest_size=6).digest(), "big")


@contextlib.contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Set by Ctrl-C or a polite kill; a second Ctrl-C stops at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
