"""What a file's name says: words of the name and its folders, and the fields of a UCS name.

UCS, the Universal Category System of sound effects (universalcategorysystem.com): ``CatID_FXName_CreatorID_SourceID``, where a
CatID is a category in capitals and a subcategory, e.g. ``AMBRain_Heavy Rain On Tin_ABC_MyLib``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from auricle.library.rows import Tag

PARENTS = 2  # folders whose names describe a file

_PIECES = re.compile(r"[^\W\d_]+|\d+", re.UNICODE)
_CAMEL = re.compile(r"(?<=[a-zà-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAT_ID = re.compile(r"([A-Z]{2,5})([A-Z][a-z][A-Za-z]{0,5})")

# Only categories whose short form is beyond doubt; an unknown one is kept as it stands.
UCS_CATEGORIES = {
    "AIR": "air", "ALRM": "alarms", "AMB": "ambience", "ANML": "animals", "BELL": "bells", "BIRD": "birds", "BOAT": "boats",
    "CREA": "creatures", "CRWD": "crowds", "DOOR": "doors", "DSGN": "designed", "ELEC": "electricity", "EXPL": "explosions",
    "FEET": "footsteps", "FIRE": "fire", "FOLY": "foley", "FOOD": "food and drink", "GAME": "games", "GLAS": "glass",
    "GORE": "gore", "GUN": "guns", "HORN": "horns", "LASR": "lasers", "MACH": "machines", "MAGC": "magic", "MECH": "mechanical",
    "METL": "metal", "MOTR": "motors", "MUSC": "musical", "OBJ": "objects", "PAPR": "paper", "RAIN": "rain", "ROBT": "robots",
    "ROCK": "rocks", "ROPE": "rope", "SCI": "science fiction", "SNOW": "snow", "SPRT": "sports", "SWSH": "swooshes",
    "TOOL": "tools", "TOON": "cartoon", "UI": "user interface", "VEH": "vehicles", "VOX": "voices", "WATR": "water",
    "WEAP": "weapons", "WHSH": "whooshes", "WIND": "wind", "WOOD": "wood",
}  # fmt: skip


def split_words(text: str) -> list[str]:
    """Words and numbers in order, as written: ``RainOnTin_take02`` → Rain On Tin take 02."""
    return [word for piece in _PIECES.findall(text) for word in _CAMEL.split(piece) if word]


def stem_and_folders(path: str) -> tuple[str, list[str]]:
    """Name without its last suffix, and the nearest folders, outermost first. Reads both kinds of slash."""
    parts = [part for part in re.split(r"[/\\]", path) if part and part not in (".", "..")]
    name = parts[-1] if parts else ""
    stem, dot, _ = name.rpartition(".")
    return (stem if dot and stem else name), parts[:-1][-PARENTS:]


def ucs_fields(stem: str) -> dict[str, str]:
    """Fields of a UCS name; empty when it is none."""
    fields = stem.split("_")
    match = _CAT_ID.fullmatch(fields[0])
    if len(fields) < 4 or match is None or not fields[1].strip():
        return {}
    found = {
        "ucs.cat_id": fields[0],
        "ucs.category": UCS_CATEGORIES.get(match[1], ""),
        "ucs.name": fields[1].strip(),
        "ucs.creator": fields[2].strip(),
        "ucs.source": fields[3].strip(),
    }
    return {key: value for key, value in found.items() if value}


def name_tags(path: str) -> tuple[Tag, ...]:
    """Tags of a path: ``name`` and ``folder`` (words, lower case, without numbers), ``ucs.*``."""
    path = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    stem, folders = stem_and_folders(path)
    tags = [Tag(key, words, "name") for key, words in (("name", _tag_words([stem])), ("folder", _tag_words(folders))) if words]
    return (*tags, *(Tag(key, value, "name") for key, value in ucs_fields(stem).items()))


def index_fields(path: str, tags: Iterable[tuple[str, str]]) -> tuple[str, str, str]:
    """The columns of ``names_index``: name, folder, tags."""
    stem, folders = stem_and_folders(path)
    said = dict.fromkeys(value for key, value in tags if key not in ("name", "folder") and value.strip())
    return _indexed([stem]), _indexed(folders), " · ".join(said)


def _tag_words(texts: Iterable[str]) -> str:
    words = [w.lower() for text in texts for w in split_words(text)]
    return " ".join(dict.fromkeys(w for w in words if (len(w) > 1 or not w.isascii()) and not w.isdigit()))


def _indexed(texts: Iterable[str]) -> str:
    """Separate words, then what they were joined as, so that ``thunderStorm`` is found by “thunder” and by “thunderstorm”."""
    words, joined = [], []
    for text in texts:
        words += split_words(text)
        joined += [piece for piece in re.findall(r"[^\W_]+", text) if len(split_words(piece)) > 1]
    return " ".join([*words, *joined])
