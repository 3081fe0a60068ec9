"""Questions and answers in a table, a row an answer; several people may answer one question. Clotho-AQA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.saving import Found
from auricle.data.sets.layout import Document, Place, Row, Rows, items_of, texts


class CsvQuestions(Rows):
    """``confidence``: a column of how sure each answer was; extra.confidence lists it in the order of the questions."""

    kind: Literal["csv_questions"]
    question: str
    answer: str
    confidence: str = ""

    def load(self, place: Place) -> Iterator[Found]:
        def content(row: Row, table: str, line: int) -> Document:
            answer = row[self.answer].strip()
            asked = {"question": texts(row, (self.question,), table, line)[0], "answer": answer}
            document: Document = {"questions": [{**asked, "kind": "yes/no"} if answer.lower() in ("yes", "no") else asked]}
            if self.confidence:
                document["extra"] = {"confidence": [row[self.confidence].strip()]}
            return document

        return items_of(self, place, content, need=(self.question, self.answer, *filter(None, [self.confidence])), group=True)
