"""Questions with options in a JSON list, an object a question. MMAU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.items import invalid
from auricle.data.saving import Found
from auricle.data.sets.layout import Place, Row, Rows, first_file, item_of, json_file


class JsonQuestions(Rows):
    """``options``: the key of the list of choices. A question whose answer is withheld is an error: it cannot be scored."""

    kind: Literal["json_questions"]
    question: str
    options: str
    answer: str

    def load(self, place: Place) -> Iterator[Found]:
        for name, part in self.parts.items():
            table = first_file(place.folder, part.table)
            listed = json_file(table)
            if not isinstance(listed, list):
                raise invalid("is no list of questions", table, 0, "Copy it again.")
            for number, entry in enumerate(listed, 1):
                where = f"{table}, entry"
                if not isinstance(entry, dict):
                    raise invalid("is no object", where, number)
                options, answer = entry.get(self.options), entry.get(self.answer)
                if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
                    raise invalid(f"has no list of texts {self.options!r}", where, number)
                if not isinstance(answer, str) or not answer.strip():
                    raise invalid("has no answer", where, number, "Give a split whose answers are published.")
                row: Row = {k: "" if v is None else str(v) for k, v in entry.items() if not isinstance(v, (dict, list))}
                question = {"question": row.get(self.question, ""), "answer": answer, "options": options}
                yield item_of(self, part, name, place, where, number, row, {"questions": [question]})
