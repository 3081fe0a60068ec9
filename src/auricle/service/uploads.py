"""Clips that a client gave to ask with: decoded once behind the gate, held in memory for a while, few at a time."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from auricle.audio.types import Audio
from auricle.service.problems import ServiceError

SECONDS = 3600.0  # how long a clip is held
MOST_BYTES = 512 << 20  # of samples, all clips together; the oldest go first


@dataclass(frozen=True, slots=True)
class _Held:
    sound: Audio
    until: float


class Uploads:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, sound: Audio) -> str:
        """Hold a clip; gives its id, which nobody can guess."""
        identity = secrets.token_urlsafe(16)
        with self._lock:
            self._held[identity] = _Held(sound, time.monotonic() + SECONDS)
            self._drop_old()
        return identity

    def get(self, identity: str) -> Audio:
        """Raises ServiceError ``upload_gone``."""
        with self._lock:
            self._drop_old()
            held = self._held.get(identity)
        if held is None:
            raise ServiceError(410, "upload_gone", "That clip is not held any more.", hint="Upload it again.")
        return held.sound

    def _drop_old(self) -> None:
        now = time.monotonic()
        while self._held:
            identity, oldest = next(iter(self._held.items()))
            total = sum(held.sound.samples.nbytes for held in self._held.values())
            if oldest.until > now and (total <= MOST_BYTES or len(self._held) == 1):
                return
            del self._held[identity]
