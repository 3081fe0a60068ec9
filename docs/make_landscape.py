"""Write ``docs/state-of-the-field.md`` and its pictures from the records of the landscape: ``python docs/make_landscape.py``."""

from __future__ import annotations

from pathlib import Path

from auricle import landscape
from auricle.landscape import pictures
from auricle.landscape.report import PICTURES, report

DOCS = Path(__file__).parent


def made() -> dict[str, str]:
    """File below docs/ → its text."""
    field = landscape.load()
    drawn = {path: pictures.draw(field, kind, subject).svg() for path, (kind, subject, _) in PICTURES.items()}
    return {"state-of-the-field.md": report(field), **drawn}


def main() -> None:
    for name, text in made().items():
        (DOCS / name).write_text(text, "utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
