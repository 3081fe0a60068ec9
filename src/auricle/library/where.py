"""``--where``: a small typed language over what is known of recordings, compiled to SQL with parameters.

    duration > 10 and (format = wav or tag.species ~ "turdus*") and not folder ~ rejected

    expression  = term { "or" term }          term = factor { "and" factor }
    factor      = "not" factor | "(" expression ")" | comparison
    comparison  = field operator value | field ["not"] "in" "(" value { "," value } ")"
    operator    = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"        ~ contains; with * or ? it is a pattern of the whole

Text is compared without regard to case. Values: words or "quoted"; seconds (10, 1:30, 90s, 5min, 2h); sizes (10MB); rates (48k);
dates (2024, 2024-05, 2024-05-01, 2024-05-01T06:30), where ``=`` means within.
"""

from __future__ import annotations

import difflib
import re
import sqlite3
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from auricle.errors import UsageError
from auricle.library import where_values
from auricle.library.segments import Ids
from auricle.library.where_values import FIELDS, Kind

MAX_LENGTH = 4000
MAX_DEPTH = 50
OPERATORS = ("<=", ">=", "!=", "!~", "==", "<>", "=", "<", ">", "~")

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"""[^\s()<>=!~,"']+""")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # "word", "quoted", "operator", "(", ")", ",", "end"
    text: str
    column: int  # from 1


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition on ``recordings r JOIN contents c`` and its parameters."""

    sql: str
    parameters: tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What was chosen: int64 ids, ascending, unique."""

    recordings: Ids
    contents: Ids


def compile_where(expression: str) -> Compiled:
    """Raises UsageError that points at the column and says what would do."""
    if len(expression) > MAX_LENGTH:
        raise UsageError(f"--where: the expression is longer than {MAX_LENGTH} characters.")
    return _Parser(expression).parse()


def select(connection: sqlite3.Connection, compiled: Compiled) -> Selection:
    found = connection.execute(
        f"SELECT r.id, r.content_id FROM recordings r JOIN contents c ON c.id = r.content_id WHERE {compiled.sql} ORDER BY r.id",
        compiled.parameters,
    ).fetchall()
    ids = np.array(found, dtype=np.int64).reshape(-1, 2)
    return Selection(ids[:, 0], np.unique(ids[:, 1]))


def register(connection: sqlite3.Connection) -> None:
    """The SQL functions that compiled expressions call."""
    connection.create_function("fold", 1, fold, deterministic=True)
    connection.create_function("pattern", 2, _matches, deterministic=True)


def fold(text: str | float | bytes | None) -> str | float | bytes | None:
    return text.casefold() if isinstance(text, str) else text


def _matches(pattern: str, text: object) -> bool:
    return isinstance(text, str) and _glob(pattern).fullmatch(text.casefold()) is not None


@lru_cache(maxsize=64)
def _glob(pattern: str) -> re.Pattern[str]:
    """``*`` and ``?`` only; linear in the text: a run between stars is taken where it first fits (atomic groups)."""
    first, *rest = [re.escape(part).replace(r"\?", ".") for part in re.split(r"\*+", pattern)]
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{part})" for part in middle if part) + ".*" + last, re.DOTALL)


def tokenize(expression: str) -> list[Token]:
    tokens, at = [], 0
    while at < len(expression):
        if space := _SPACE.match(expression, at):
            at = space.end()
            continue
        char, column = expression[at], at + 1
        if char in "(),":
            tokens.append(Token(char, char, column))
            at += 1
        elif char in "\"'":
            text, at = _quoted(expression, at)
            tokens.append(Token("quoted", text, column))
        elif operator := next((o for o in OPERATORS if expression.startswith(o, at)), ""):
            tokens.append(Token("operator", {"==": "=", "<>": "!="}.get(operator, operator), column))
            at += len(operator)
        elif word := _WORD.match(expression, at):
            tokens.append(Token("word", word.group(), column))
            at = word.end()
        else:
            raise _error(f"{char!r} means nothing here", column, expression)
    tokens.append(Token("end", "", len(expression) + 1))
    return tokens


def _quoted(expression: str, at: int) -> tuple[str, int]:
    quote, text, start = expression[at], "", at
    at += 1
    while at < len(expression):
        char = expression[at]
        if char == quote:
            return text, at + 1
        if char == "\\" and at + 1 < len(expression) and expression[at + 1] in "\"'\\":
            at += 1
            char = expression[at]
        text += char
        at += 1
    raise _error("this quote is not closed", start + 1, expression)


class _Parser:
    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens = tokenize(expression)
        self.at = 0
        self.depth = 0

    def parse(self) -> Compiled:
        if self.now.kind == "end":
            raise self.error("the expression is empty", _field_list())
        whole = self.either()
        if self.now.kind != "end":
            raise self.error(f"expected “and”, “or” or the end, found {self.now.text!r}")
        return whole

    @property
    def now(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.now
        self.at += token.kind != "end"
        return token

    def keyword(self, word: str) -> bool:
        if self.now.kind == "word" and self.now.text.lower() == word:
            self.at += 1
            return True
        return False

    def either(self) -> Compiled:
        parts = [self.both()]
        while self.keyword("or"):
            parts.append(self.both())
        return _join(parts, " OR ")

    def both(self) -> Compiled:
        parts = [self.factor()]
        while self.keyword("and"):
            parts.append(self.factor())
        return _join(parts, " AND ")

    def factor(self) -> Compiled:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"more than {MAX_DEPTH} levels deep")
        try:
            if self.keyword("not"):
                inner = self.factor()
                return _negated(inner)
            if self.now.kind == "(":
                opening = self.take()
                inner = self.either()
                if self.take().kind != ")":
                    raise _error("this parenthesis is not closed", opening.column, self.expression)
                return inner
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Compiled:
        name = self.take()
        if name.kind != "word":
            found = f", found {name.text!r}" if name.text else ""
            raise _error(f"expected a field{found}", name.column, self.expression, _field_list())
        field = where_values.find_field(name.text)
        if field is None:
            near = difflib.get_close_matches(name.text.lower(), FIELDS, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise _error(f"no field {name.text!r}", name.column, self.expression, meant + _field_list())
        negated = self.keyword("not")
        if self.keyword("in"):
            return self.membership(field, negated)
        operator = self.now
        if operator.kind != "operator" or negated:
            raise self.error(f"expected one of = != < <= > >= ~ in after {name.text}")
        self.take()
        allowed = where_values.operators(field.kind)
        if operator.text not in allowed:
            raise _error(f"{name.text} takes {' '.join(allowed)} in, not {operator.text}", operator.column, self.expression)
        return self.compare(field, operator.text, self.value())

    def membership(self, field: where_values.Field, negated: bool) -> Compiled:
        if self.now.kind != "(":
            raise self.error("expected ( after in")
        self.take()
        parts = [self.compare(field, "=", self.value())]
        while self.now.kind == ",":
            self.take()
            parts.append(self.compare(field, "=", self.value()))
        if self.now.kind != ")":
            raise self.error("expected , or )")
        self.take()
        joined = _join(parts, " OR ")
        return _negated(joined) if negated else joined

    def value(self) -> Token:
        token = self.take()
        if token.kind not in ("word", "quoted"):
            raise _error(f"expected a value{f', found {token.text!r}' if token.text else ''}", token.column, self.expression)
        return token

    def compare(self, field: where_values.Field, operator: str, value: Token) -> Compiled:
        try:
            sql, parameters = where_values.condition(field, operator, value.text)
        except ValueError as error:
            raise _error(str(error), value.column, self.expression) from None
        return Compiled(f"({sql})", parameters)

    def error(self, message: str, hint: str = "") -> UsageError:
        return _error(message, self.now.column, self.expression, hint)


def _join(parts: list[Compiled], by: str) -> Compiled:
    """Balanced, because SQLite limits the depth of an expression, and ``a OR b OR c …`` is as deep as it is long."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    left, right = _join(parts[:half], by), _join(parts[half:], by)
    return Compiled(f"({left.sql}{by}{right.sql})", left.parameters + right.parameters)


def _negated(inner: Compiled) -> Compiled:
    return Compiled(f"NOT coalesce({inner.sql}, 0)", inner.parameters)  # what lacks the field is unlike the value


def _error(message: str, column: int, expression: str, hint: str = "") -> UsageError:
    rest = " ".join(expression[column - 1 :].split())
    at = f", at {rest[:24]!r}{'…' if len(rest) > 24 else ''}" if rest else ""
    return UsageError(f"--where, column {column}{at}: {message}.", hint=hint)


def _field_list() -> str:
    return f"Fields: {', '.join([*(f for f in FIELDS if f != 'tag'), 'tag', 'tag.<key>'])}."


__all__ = ["Compiled", "Kind", "Selection", "compile_where", "fold", "register", "select", "tokenize"]
