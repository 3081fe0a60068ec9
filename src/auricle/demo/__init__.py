"""A small library of real sounds to try things on: openly licensed clips, rendered music and speech (see ``LICENSES.md``).

``recipes/demo_sounds`` makes it. ``moments.json`` lists what is heard when: ``[{file, start, end, what}]``, seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SOUNDS = FOLDER / "sounds"


def moments() -> list[dict[str, Any]]:
    """What is heard when: ``file`` is relative to :data:`SOUNDS`, ``start`` and ``end`` are seconds, ``what`` is a phrase."""
    listed: list[dict[str, Any]] = json.loads((FOLDER / "moments.json").read_text(encoding="utf-8"))
    return listed
