"""What a model says about itself: where it comes from, what it may be used for, what was measured, and its files.

A card is JSON (``card.json``) beside the weights. Plain dataclasses: reading one costs no third-party import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from auricle.errors import ModelError

DOMAINS = ("speech", "music", "sound")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class LicenceLink:
    """One link of the licence chain: something the weights were made from."""

    what: str
    licence: str  # SPDX where there is one, "unknown" where the source states none
    source: str = ""  # package==version, repository@commit, address
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One measured number with its 95 % interval and the command that measured it."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    protocol: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """``trained`` and ``measured`` name domains (speech, music, sound); ``files`` maps each file of the bundle to its sha256."""

    name: str
    version: str
    family: str  # "two-towers", …
    description: str = ""
    licence: str = "unknown"
    chain: tuple[LicenceLink, ...] = ()
    trained: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    data: str = ""
    results: tuple[Result, ...] = ()
    limits: str = ""
    examples: tuple[str, ...] = ()  # what it says, unselected: of whichever sounds the first one names
    files: Mapping[str, str] = field(default_factory=dict)
    created: str = ""  # ISO 8601 date

    @property
    def full_name(self) -> str:
        return f"{self.name}@{self.version}"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def render(self, pipeline_id: str = "") -> str:
        """The card for people: plain text of a terminal's width."""
        lines = [f"{self.full_name}  ({self.family})", self.description, f"pipeline: {pipeline_id}" if pipeline_id else ""]
        lines += [f"licence: {self.licence}", *(f"  {_link_line(link)}" for link in self.chain)]
        for title, domains in (("trained on", self.trained), ("measured on", self.measured)):
            lines.append(f"{title}: {', '.join(domains)}" if domains else "")
        lines.append(f"data: {self.data}" if self.data else "")
        lines += ["results:" if self.results else "", *(f"  {_result_line(result)}" for result in self.results)]
        lines += ["examples:" if self.examples else "", *(f"  {example}" for example in self.examples)]
        lines += [f"limits: {self.limits}" if self.limits else "", f"created: {self.created}" if self.created else ""]
        lines += ["files:" if self.files else "", *(f"  {digest[:16]}  {name}" for name, digest in sorted(self.files.items()))]
        return "\n".join(line for line in lines if line)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelCard:
        """Raises ModelError ``Damaged`` where the text is no card. Unknown keys are left for newer readers."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ModelError("Damaged", f"card.json is not JSON: {error}.") from None
        return cls.from_dict(document)

    @classmethod
    def from_dict(cls, document: object) -> ModelCard:
        if not isinstance(document, dict):
            raise ModelError("Damaged", "card.json does not hold an object.")
        plain = {key: _text(document, key) for key in _TEXTS}
        if not _NAME.fullmatch(plain["name"]) or not _VERSION.fullmatch(plain["version"]) or not plain["family"]:
            raise ModelError("Damaged", "card.json lacks a usable name, version or family.")
        return cls(
            **plain,
            chain=tuple(_link(item) for item in _list(document, "chain")),
            trained=tuple(str(item) for item in _list(document, "trained")),
            measured=tuple(str(item) for item in _list(document, "measured")),
            results=tuple(_result(item) for item in _list(document, "results")),
            examples=tuple(str(item) for item in _list(document, "examples")),
            files=_files(document.get("files", {})),
        )


def _link_line(link: LicenceLink) -> str:
    return f"{link.what}: {link.licence}" + (f", {link.source}" if link.source else "")


def _result_line(result: Result) -> str:
    interval = f" [{result.low:.3f}–{result.high:.3f}]" if result.low is not None and result.high is not None else ""
    count = f", n = {result.n}" if result.n is not None else ""
    about = f"  ({result.protocol}{count})" if result.protocol else f"  ({count[2:]})" if count else ""
    return f"{result.metric} {result.value:.4g}{interval}{about}" + (f"  by: {result.command}" if result.command else "")


_TEXTS = ("name", "version", "family", "description", "licence", "data", "limits", "created")


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key, "unknown" if key == "licence" else "")
    if not isinstance(value, str):
        raise ModelError("Damaged", f"card.json: {key} must be text, got {type(value).__name__}.")
    return value


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key, [])
    if not isinstance(value, list | tuple):
        raise ModelError("Damaged", f"card.json: {key} must be a list, got {type(value).__name__}.")
    return list(value)


def _link(item: object) -> LicenceLink:
    if not isinstance(item, dict) or not isinstance(item.get("what"), str) or not isinstance(item.get("licence"), str):
        raise ModelError("Damaged", "card.json: every link of the licence chain needs what and licence.")
    return LicenceLink(item["what"], item["licence"], str(item.get("source", "")), str(item.get("sha256", "")))


def _result(item: object) -> Result:
    try:
        assert isinstance(item, dict)
        low, high, n = item.get("low"), item.get("high"), item.get("n")
        return Result(
            metric=str(item["metric"]),
            value=float(item["value"]),
            low=None if low is None else float(low),
            high=None if high is None else float(high),
            n=None if n is None else int(n),
            protocol=str(item.get("protocol", "")),
            command=str(item.get("command", "")),
        )
    except (AssertionError, KeyError, TypeError, ValueError):
        raise ModelError("Damaged", "card.json: every result needs metric and value, numbers where numbers are meant.") from None


def _files(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ModelError("Damaged", "card.json: files must map names to sha256.")
    for name, digest in value.items():
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise ModelError("Damaged", f"card.json: the sha256 of {name} is not 64 hexadecimal digits.")
    return {str(name): digest for name, digest in value.items()}
