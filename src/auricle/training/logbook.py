"""What a run says of itself: ``log.jsonl``, a line a record, and ``loss.png``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Logbook:
    """Appends JSON lines; what was written after the step that a run goes on from is dropped first."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / "log.jsonl"
        kept = [record for record in records(self.path) if record.get("step", 0) <= step] if step else []
        staging = self.path.with_suffix(".new")
        staging.write_text("".join(json.dumps(record) + "\n" for record in kept), "utf-8")
        os.replace(staging, self.path)
        self._file = self.path.open("a", encoding="utf-8")

    def write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a log; a line cut short by a kill is passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found


def plot(folder: Path) -> Path | None:
    """Draw ``loss.png`` from the log: loss and its parts above, what was measured below. None where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    found = list(records(folder / "log.jsonl"))
    losses = [record for record in found if "loss" in record]
    measured = [record for record in found if "measured" in record]
    figure = Figure(figsize=(8, 6 if measured else 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2 if measured else 1, 1, squeeze=False)[:, 0]
    axes[0].plot([r["step"] for r in losses], [r["loss"] for r in losses], label="loss", color="black")
    for name in sorted({name for r in losses for name in r.get("parts", {}) if "." not in name}):
        drawn = [r for r in losses if name in r.get("parts", {})]
        axes[0].plot([r["step"] for r in drawn], [r["parts"][name] for r in drawn], label=name, alpha=0.7, linewidth=1)
    axes[0].set(xlabel="step", ylabel="loss")
    axes[0].legend()
    if measured:
        for name in sorted({name for r in measured for name in r["measured"]}):
            axes[1].plot([r["step"] for r in measured], [r["measured"].get(name) for r in measured], label=name, marker=".")
        axes[1].set(xlabel="step", ylim=(0, 1.02))
        axes[1].legend()
    target, staging = folder / "loss.png", folder / ".loss.new.png"
    figure.savefig(staging, dpi=110)
    os.replace(staging, target)
    return target
