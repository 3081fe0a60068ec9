"""Facts of each clip in a JSON object keyed by its name. NSynth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from auricle.data.items import invalid
from auricle.data.saving import Found
from auricle.data.sets.layout import Place, Rows, first_file, item_of, json_file


class JsonLabels(Rows):
    """``labels``: the keys that are labels; the key of the clip itself is ``{key}`` in templates."""

    kind: Literal["json_labels"]
    labels: tuple[str, ...]

    def load(self, place: Place) -> Iterator[Found]:
        for name, part in self.parts.items():
            table = first_file(place.folder, part.table)
            document = json_file(table)
            if not isinstance(document, dict):
                raise invalid("is no object of objects", table, 0, "Copy it again.")
            for number, (key, facts) in enumerate(document.items(), 1):
                where = f"{table}, entry"
                if not isinstance(facts, dict) or any(label not in facts for label in self.labels):
                    raise invalid(f"{key!r} does not tell {', '.join(self.labels)}", where, number)
                row = {"key": key, **{k: str(v) for k, v in facts.items() if not isinstance(v, (dict, list))}}
                extra: dict[str, Any] = {k: facts[k] for k in self.extra if k in facts}
                bare = self.model_copy(update={"extra": ()})  # numbers stay numbers
                content = {"labels": [str(facts[label]) for label in self.labels], "extra": extra}
                yield item_of(bare, part, name, place, where, number, row, content)
