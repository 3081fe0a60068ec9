"""``auricle train`` as a function: check, train, export, report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auricle.results import Failure
from auricle.training.export import Exported, export
from auricle.training.guard import refuse_overlap
from auricle.training.loop import Run, Update
from auricle.training.recipe import Recipe


@dataclass(frozen=True)
class Report:
    """What a run came to. ``main``: this is the process that speaks."""

    folder: Path
    step: int
    steps: int
    items: int
    parameters: int
    dropped: dict[str, int]
    loss: float | None = None
    measured: dict[str, float] = field(default_factory=dict)
    bundle: Exported | None = None
    unreadable: tuple[Failure, ...] = ()
    main: bool = True

    def as_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "folder": str(self.folder), "step": self.step, "steps": self.steps, "items": self.items, "parameters": self.parameters,
            "dropped": self.dropped, "loss": self.loss, "measured": self.measured, "bundle": None,
        }  # fmt: skip
        if self.bundle:
            made = self.bundle
            document["bundle"] = {
                "path": str(made.path), "pipeline_id": made.pipeline_id, "bytes": made.bytes, "parity": made.parity, "cosine": made.cosine,
            }  # fmt: skip
        return document

    def render(self) -> str:
        lines = [f"{self.items} items, {self.parameters:,} parameters to train, {self.steps} steps"]
        lines += [f"left out: {count} items {why}" for why, count in self.dropped.items()]
        if self.loss is not None:
            lines.append(f"step {self.step}: loss {self.loss:.4g}")
        if self.measured:
            lines.append("held out: " + ", ".join(f"{name} {value:.3g}" for name, value in self.measured.items()))
        if self.bundle:
            made = self.bundle
            small = f", int8 within cosine {made.cosine:.5f}" if made.cosine is not None else ""
            lines.append(f"{made.path}: {made.pipeline_id}, {made.bytes / 1e6:.1f} MB, within {made.parity:.1g} of the towers{small}")
        return "\n".join(lines)


def train(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    dry_run: bool = False,
    allow_overlap: bool = False,
    watch: Callable[[Update], None] | None = None,
) -> Report:
    """Raises UsageError, DataError, ModelError, TrainingError; KeyboardInterrupt once the state is saved."""
    run = Run.begin(recipe, folder, resume=resume)
    if not allow_overlap:
        refuse_overlap(recipe, run.corpus)
    seen: list[Update] = []

    def note(update: Update) -> None:
        seen[:] = [update]
        if watch:
            watch(update)

    made = None
    if not dry_run:
        run.go(note)
        if run.accelerator.is_main_process:
            with run.averaged():
                made = export(recipe, run.built, run.corpus, folder / "bundle")
        run.accelerator.wait_for_everyone()
    return Report(
        folder=folder,
        step=run.step,
        steps=run.steps,
        items=run.corpus.size,
        parameters=sum(p.numel() for _, p in run.parameters()),
        dropped=dict(run.corpus.dropped),
        loss=seen[0].loss if seen else None,
        measured=seen[0].measured if seen else {},
        bundle=made,
        unreadable=tuple(Failure(error.path, error.message, error.kind, error.hint) for error in run.feed.failed.values()),
        main=run.accelerator.is_main_process,
    )
