"""Several probes of one model, one after another.

    for found in audited(model, sounds(folder)):
        found.audit or found.reason

A probe that cannot be asked (a model without the capability, sounds that are too few, data that is not there) is passed over with the
reason; one that was asked for by name is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from auricle.errors import DataError, ModelError, UsageError
from auricle.evaluation.probes import NAMES, get
from auricle.evaluation.probes.base import Audit, Sounds

Told = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What a probe found, or the reason why it was not asked."""

    probe: str
    audit: Audit | None
    reason: str = ""


def audited(
    model: Any, given: Sounds, probes: Sequence[str] = (), *, seed: int = 0, told: Told = lambda line: None
) -> Iterator[Found]:  # fmt: skip
    """``probes``: names; all of them where none is given. Raises UsageError, and for a named probe also DataError and ModelError."""
    chosen = [get(name) for name in probes or NAMES]
    for probe in chosen:
        told(probe.title)
        try:
            lacking = [need.__name__ for need in probe.needs if not isinstance(model, need)]
            if lacking:
                raise ModelError("Capability", f"{model.name} lacks {', '.join(lacking)}: {probe.name} cannot be asked.")
            yield Found(probe.name, probe.run(model, given, seed=seed, told=told))
        except (DataError, ModelError, UsageError) as error:
            if probes:
                raise
            yield Found(probe.name, None, str(error))
