"""Questions with a right answer and wrong ones in columns of a table, a row a question. MuChoMusic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.items import invalid
from auricle.data.saving import Found
from auricle.data.sets.layout import Place, Rows, first_file, item_of, joined_table, parsed, texts
from auricle.data.tables import rows


class CsvChoices(Rows):
    """``where``: part → what its rows have in a column; parts may share a table. ``{line}`` is the place of a question in its table.

    The right answer stands first, as in the table: who asks puts the options into another order.
    """

    kind: Literal["csv_choices"]
    question: str
    right: str
    wrong: tuple[str, ...]
    where: dict[str, dict[str, str]]

    def load(self, place: Place) -> Iterator[Found]:
        for name, part in self.parts.items():
            table = first_file(place.folder, part.table)
            joined = [joined_table(place.folder, join) for join in part.join]
            only = self.where.get(name, {})
            for line, cells in rows(table, need=(self.question, self.right, *self.wrong, *only), encoding=self.encoding):
                if any(cells[column] != value for column, value in only.items()):
                    continue
                try:
                    row = parsed({**cells, "line": str(line)}, {c: p for c, p in self.parse.items() if c in cells})
                except ValueError as error:
                    raise invalid(str(error), table, line, "Check that it is the right version of the set.") from None
                for key, others in joined:
                    row = {**others.get(row.get(key, ""), {}), **row}
                options = [texts(row, (column,), table, line)[0] for column in (self.right, *self.wrong)]
                asked = {"question": texts(row, (self.question,), table, line)[0], "answer": options[0], "options": options}
                yield item_of(self, part, name, place, table, line, row, {"questions": [asked]})
