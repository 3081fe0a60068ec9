"""What is said in recorded speech, where a package tells: lists beside the prompts, dialogue scripts, or the file's own name."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Said = Callable[[str, Path], tuple[str, Mapping[str, Any]]]
LANGUAGES = {
    "ar": "Arabic", "be": "Belarusian",
    "bg": "Bulgarian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek",
    "en": "English", "en_GB": "English", "en-gb": "English", "en-us": "English", "eo": "Esperanto", "es": "Spanish", "et": "Estonian",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese", "ko": "Korean", "la": "Latin", "lt": "Lithuanian",
    "lv": "Latvian", "ml": "Malayalam", "nb": "Norwegian", "nds": "Low German", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese",
    "pt_BR": "Portuguese", "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "sw": "Swahili",
    "ta": "Tamil", "tn": "Tswana", "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "wa": "Walloon", "cmn": "Mandarin",
}  # fmt: skip
_LUA = re.compile(r'dialogId\("([^"]+)",\s*"[^"]*",\s*"((?:[^"\\]|\\.)*)"\)\s*(?:dialogStr\("((?:[^"\\]|\\.)*)"\))?')


def transcripts(package: str, how: Any, folders: Mapping[str, Path]) -> Said:
    """A function (path in the package without suffix, file) -> (what is said, language and voice as far as known)."""
    how = {"how": how} if isinstance(how, str) else dict(how or {})
    kind = how.pop("how", "")
    extra: dict[str, Any] = {k: how.pop(k) for k in ("language", "voice") if k in how}
    if kind == "core-sounds":
        listed = _core_sounds(folders[how.get("list", "asterisk-core-sounds-en")])
        extra = {"language": "English", "voice": "woman"} | extra
        return lambda stem, path: (listed.get(stem, ""), extra)
    if kind == "dialogues":  # fillets-ng: <level>/<language>/<id>, its text in <level>/dialogs_<language>.lua of the main package
        return _dialogues(folders[how["scripts"]])
    if kind == "language-folder":  # ktuberling, klettres, …: the first folder is the language
        known = set(how.get("says", ()))
        return lambda stem, path: _by_folder(stem, known)
    if kind == "stamp":
        return _stamp
    if kind == "stem":
        return lambda stem, path: (words(stem), extra)
    table = {k: v for k, v in how.items() if isinstance(v, str)}
    if table.get("en") == "stem":
        return lambda stem, path: _by_folder(stem, {"en"})
    return lambda stem, path: (table.get(stem, ""), extra)


def words(stem: str) -> str:
    """``en/pizzeria_red-onion2`` -> red onion."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", stem.rsplit("/", 1)[-1])
    return " ".join(re.sub(r"[^A-Za-z']+", " ", name).lower().split())


def _by_folder(stem: str, known: set[str]) -> tuple[str, Mapping[str, Any]]:
    folder = stem.split("/", 1)[0]
    language = LANGUAGES.get(folder, "")
    return (words(stem.rsplit("_", 1)[-1]) if folder in known else "", {"language": language} if language else {})


def _core_sounds(folder: Path) -> dict[str, str]:
    """Asterisk's lists: ``file: what is said``; stage directions in brackets are no transcript."""
    found: dict[str, str] = {}
    for listing in sorted(folder.rglob("core-sounds-*.txt*")):
        data = gzip.decompress(listing.read_bytes()) if listing.suffix == ".gz" else listing.read_bytes()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        for line in text.splitlines():
            key, colon, said = line.partition(":")
            if colon and not line.startswith(";") and not said.strip().startswith(("[", "(")):
                found[key.strip()] = said.strip()
    return found


def _dialogues(folder: Path) -> Said:
    texts: dict[tuple[str, str], str] = {}
    for script in folder.rglob("dialogs_*.lua"):
        language = script.stem.partition("_")[2]
        for key, english, own in _LUA.findall(script.read_text("utf-8", "replace")):
            said = english if language == "en" else own
            if said:
                texts[language, key] = said.replace('\\"', '"').replace("\\", "")

    def said_in(stem: str, path: Path) -> tuple[str, Mapping[str, Any]]:
        parts = stem.split("/")
        language = parts[-2] if len(parts) > 1 else ""
        return texts.get((language, parts[-1]), ""), {"language": LANGUAGES.get(language, "")} if language in LANGUAGES else {}

    return said_in


def _stamp(stem: str, path: Path) -> tuple[str, Mapping[str, Any]]:
    """tuxpaint: the first line of the stamp's text is English, the others are ``fr.utf8=…``."""
    name, desc, code = path.stem.partition("_desc")
    if not desc:
        return "", {}
    text = path.with_name(name + ".txt")
    lines = text.read_text("utf-8", "replace").splitlines() if text.is_file() else []
    language = {"language": LANGUAGES.get(code.lstrip("_") or "en", "")}
    if not code:
        return (lines[0].strip() if lines else ""), language
    return next((line.partition("=")[2].strip() for line in lines if line.startswith(f"{code[1:]}.utf8=")), ""), language
