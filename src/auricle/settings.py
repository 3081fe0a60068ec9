"""Where auricle keeps things. ``AURICLE_HOME`` overrides all; every folder is made when first written to."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder of user data: libraries and pulled models."""
    override = os.environ.get("AURICLE_HOME")
    if override:
        return Path(override).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("auricle"))


def default_library() -> Path:
    """The library used when none is named: ``AURICLE_LIBRARY``, else ``library`` in :func:`home`."""
    override = os.environ.get("AURICLE_LIBRARY")
    return Path(override).expanduser() if override else home() / "library"


def models_folder() -> Path:
    return home() / "models"


def threads() -> int:
    """Cores to use: ``AURICLE_THREADS``, else those this process may run on."""
    override = os.environ.get("AURICLE_THREADS")
    if override and override.isdigit() and int(override) > 0:
        return int(override)
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, len(affinity(0)) if affinity else (os.cpu_count() or 1))
