"""Reports that are kept for the page: `auricle report` without a file writes here, `auricle ui` shows them at /report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from auricle import settings
from auricle.data.manifest import replacing


def folder() -> Path:
    return settings.home() / "reports"


def keep(html: str, names: Sequence[str]) -> Path:
    """Write a report under the names of its results files, in the place of an earlier one of these."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "+".join(Path(one).stem for one in names)).strip("-.")[:80] or "report"
    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / f"{name}.html"
    with replacing(path) as temporary:
        Path(temporary).write_text(html, "utf-8")
    return path


def reports() -> list[Path]:
    """The newest first."""
    found = [path for path in folder().glob("*.html") if path.is_file()]
    return sorted(found, key=lambda path: (-path.stat().st_mtime, path.name))
