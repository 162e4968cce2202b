"""Filters: which runs to find, and in what order, as people write them.

    filter     = and {"or" and}
    and        = not {"and" not}
    not        = "not" not | "(" filter ")" | comparison
    comparison = field operator value
               | field ["not"] "in" "(" value {"," value} ")"
               | field ["not"] ("like" | "ilike") text
               | field "contains" text
               | field "is" ["not"] "null"
    operator   = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    field      = ("metrics" | "params" | "tags" | "properties") "." name | attribute
    order      = field ["asc" | "desc"] {"," field ["asc" | "desc"]}

A name with other characters than letters, digits and ``_ - . / :`` stands in backquotes or double
quotes; text in single or double quotes, a quote in it twice. A time is text such as '2026-01-31',
or a number of milliseconds since 1970-01-01 UTC. Keywords are written in any case. It is the
language of MLflow's searches, with its names of attributes and statuses, and more.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, NamedTuple, NoReturn, TypeAlias

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.status import RunStatus
from tandemlab.domain.times import to_micros

Value: TypeAlias = str | float | int | bool

TEXTS = frozenset({"id", "experiment", "display_name", "description", "status", "type"}) | {
    "target",
    "parent",
    "user",
    "text",
}
TIMES = frozenset({"created", "started", "ended"})
NUMBERS = frozenset({"number", "duration", "exit_code"})
ATTRIBUTES = TEXTS | TIMES | NUMBERS

_GROUPS = {
    **{"metric": "metrics", "metrics": "metrics", "tag": "tags", "tags": "tags"},
    **{"param": "params", "params": "params", "parameter": "params", "parameters": "params"},
    **{"property": "properties", "properties": "properties"},
    **{"attribute": "", "attributes": "", "attr": "", "run": ""},
}
_CONDITION_GROUPS = {
    **{"param": "params", "params": "params", "parameter": "params", "parameters": "params"},
    **{"output": "outputs", "outputs": "outputs"},
}
_OTHER_NAMES = {
    **{"run_id": "id", "name": "display_name", "run_name": "display_name"},
    **{"start_time": "started", "end_time": "ended", "experiment_name": "experiment"},
    **{"created_time": "created", "user_id": "user"},
}
_OTHER_STATUSES = {"finished": "completed", "killed": "canceled", "scheduled": "queued"}
OPERATORS = frozenset("= != < <= > >= like ilike contains in exists".split())
_DEEPEST = 50
_LATEST = 2**63 - 1
_WORDS = frozenset("and or not in like ilike contains is null true false asc desc".split())


@dataclass(frozen=True, slots=True)
class Field:
    """What a comparison looks at.

    Attributes:
        group: ``metrics``, ``params``, ``tags``, ``properties``, or ``""`` for an attribute; in
            conditions of pipelines ``outputs``.
    """

    group: str
    name: str

    def __post_init__(self) -> None:
        groups = {*_GROUPS.values(), *_CONDITION_GROUPS.values()}
        known = self.name in ATTRIBUTES if not self.group else self.group in groups
        if not known:
            raise InvalidInput(f"There is no field {self.group}.{self.name} to search by.")

    @property
    def is_text(self) -> bool:
        """Whether all its values are texts."""
        return self.group in ("tags", "properties") or (not self.group and self.name in TEXTS)

    @property
    def is_time(self) -> bool:
        """Whether its values are times, in microseconds."""
        return not self.group and self.name in TIMES


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator value``.

    Attributes:
        operator: ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``like``, ``ilike``, ``contains``,
            ``in`` or ``exists``.
        values: one, several for ``in``, none for ``exists``.
    """

    field: Field
    operator: str
    values: tuple[Value, ...] = ()

    def __post_init__(self) -> None:
        count = {"exists": 0, "in": max(1, len(self.values))}.get(self.operator, 1)
        if self.operator not in OPERATORS or len(self.values) != count:
            raise InvalidInput(f"No comparison is {self.operator!r} {len(self.values)} values.")


@dataclass(frozen=True, slots=True)
class Not:
    """What does not hold."""

    part: Filter


@dataclass(frozen=True, slots=True)
class Both:
    """``and`` of several parts, or ``or``."""

    parts: tuple[Filter, ...]
    is_or: bool = False


Filter: TypeAlias = Comparison | Not | Both


@dataclass(frozen=True, slots=True)
class Order:
    """What runs are sorted by; those without a value come last, whatever the direction."""

    field: Field
    descending: bool = False


def parse_filter(text: str, names: Mapping[str, str] = _OTHER_NAMES) -> Filter:
    """The filter that a text stands for.

    Args:
        names: other names of attributes.

    Raises:
        InvalidInput: it is none; the message points to the place, ``details["position"]`` is it
            (from 0).

    >>> parse_filter("metrics.auc > 0.8").operator
    '>'
    """
    parser = _Parser(text, "filter", names)
    found = parser.either()
    parser.end()
    return found


def parse_condition(text: str) -> Filter:
    """The condition of a step of a pipeline: of ``parameters.NAME`` and ``outputs.STEP.NAME``.

    An output is json; what follows its name leads into it, as in ``outputs.check.verdict.rows``.

    Raises:
        InvalidInput: as `parse_filter`.

    >>> parse_condition("parameters.fast = true or outputs.check.rows > 100").is_or
    True
    """
    parser = _ConditionParser(text, "condition", {})
    found = parser.either()
    parser.end()
    return found


def fields_of(filter: Filter) -> Iterator[Field]:
    """All fields that a filter looks at."""
    if isinstance(filter, Not):
        yield from fields_of(filter.part)
    elif isinstance(filter, Both):
        for part in filter.parts:
            yield from fields_of(part)
    else:
        yield filter.field


def parse_order(text: str, names: Mapping[str, str] = _OTHER_NAMES) -> tuple[Order, ...]:
    """The order that a text stands for, such as ``metrics.auc desc, created``.

    Args:
        names: other names of attributes.

    Raises:
        InvalidInput: as `parse_filter`.

    >>> parse_order("metrics.auc desc")
    (Order(field=Field(group='metrics', name='auc'), descending=True),)
    """
    parser = _Parser(text, "order", names)
    found = [parser.order()]
    while parser.take(","):
        found.append(parser.order())
    parser.end()
    return tuple(found)


def holds(filter: Filter, value: Callable[[Field], Value | None]) -> bool:
    """Whether a filter is true of something that is not in a store.

    Args:
        value: of a field; None if there is none.

    >>> values = {Field("", "display_name"): "accidents"}
    >>> holds(parse_filter("name like 'acc%' and tags.a is null"), values.get)
    True
    """
    if isinstance(filter, Not):
        return not holds(filter.part, value)
    if isinstance(filter, Both):
        return (any if filter.is_or else all)(holds(part, value) for part in filter.parts)
    found = value(filter.field)
    if found is None or filter.operator == "exists":
        return found is not None
    return any(_compared(found, filter.operator, wanted) for wanted in filter.values)


def _compared(found: Value, sign: str, wanted: Value) -> bool:
    if sign in ("like", "ilike", "contains"):
        pattern = re.escape(str(wanted)) if sign == "contains" else _pattern(str(wanted))
        match = re.search if sign == "contains" else re.fullmatch
        flags = re.DOTALL if sign == "like" else re.DOTALL | re.IGNORECASE
        return match(pattern, str(found), flags) is not None
    if isinstance(wanted, str):
        return _SIGNS[sign](str(found), wanted)
    try:
        return _SIGNS[sign](float(found), float(wanted))
    except ValueError:
        return False


def _pattern(like: str) -> str:
    """The regular expression of a pattern with ``%`` and ``_``."""
    return "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in like)


_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    **{"=": operator.eq, "in": operator.eq, "!=": operator.ne},
    **{"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge},
}


class _Token(NamedTuple):
    """A piece of the text: its kind, what it says, and where it starts.

    Kinds are ``word``, ``quoted`` (in backquotes), ``text``, ``number``, ``sign`` and ``end``.
    """

    kind: str
    text: str
    start: int


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<word>[^\W\d][\w\-/:]*(?:\.[\w\-/:]+)*\.?)
    | (?P<quoted>`(?:[^`]|``)+`)
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | (?P<sign><=|>=|!=|<>|==|[=<>(),])
    )""",
    re.VERBOSE,
)


class _Parser:
    groups: Mapping[str, str] = _GROUPS
    example = "metrics.auc > 0.8 and params.model = 'glm' and status = 'Completed'"

    def __init__(self, text: str, what: str, names: Mapping[str, str]) -> None:
        if not isinstance(text, str):
            raise InvalidInput(f"The {what} is text, not {type(text).__name__}.")
        self._text = text
        self._what = what
        self._names = names
        self._tokens = list(self._scan())
        self._next = 0
        self._depth = 0

    def _scan(self) -> Iterator[_Token]:
        place, end = 0, len(self._text.rstrip())
        while place < end:
            found = _TOKEN.match(self._text, place)
            if found is None or found.lastgroup is None:
                start = place + len(self._text[place:]) - len(self._text[place:].lstrip())
                if self._text[start] in "'\"`":
                    self.fail(start, "the quote is not closed")
                self.fail(start, f"{self._text[start]!r} means nothing here")
            kind = found.lastgroup
            yield _Token(kind, found[kind], found.start(kind))
            place = found.end()
        yield _Token("end", "", end)

    # What comes next

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _is(self, word: str) -> bool:
        token = self._token
        return token.kind in ("word", "sign") and token.text.lower() == word

    def take(self, word: str) -> bool:
        """Step over a word or sign if it is what comes next."""
        if self._is(word):
            self._next += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self.take(word):
            self._expected(repr(word))

    def end(self) -> None:
        """Nothing may follow."""
        if self._token.kind != "end":
            self._expected("',' or the end" if self._what == "order" else "'and', 'or' or the end")

    def _expected(self, what: str) -> NoReturn:
        token = self._token
        seen = "it ends" if token.kind == "end" else f"there is {token.text!r}"
        self.fail(token.start, f"expected {what}, but {seen}")

    def fail(self, place: int, problem: str) -> NoReturn:
        """Raise an error that points to a place of the text."""
        line = self._text.replace("\n", " ").replace("\t", " ")
        raise InvalidInput(
            f"The {self._what} cannot be read at character {place + 1}: {problem}.\n"
            f"  {line}\n  {' ' * place}^",
            hint="For example: metrics.auc desc, created"
            if self._what == "order"
            else f"For example: {self.example}",
            details={"position": place, self._what: self._text},
        )

    # The grammar

    def either(self) -> Filter:
        return self._several("or", self._all)

    def _all(self) -> Filter:
        return self._several("and", self._negation)

    def _several(self, word: str, part: Callable[[], Filter]) -> Filter:
        parts = [part()]
        while self.take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Both(tuple(parts), is_or=word == "or")

    def _negation(self) -> Filter:
        if not (self._is("not") or self._is("(")):
            return self._comparison()
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail(self._token.start, "it is nested too deeply")
        found: Filter
        if self.take("not"):
            found = Not(self._negation())
        else:
            self._need("(")
            found = self.either()
            self._need(")")
        self._depth -= 1
        return found

    def _comparison(self) -> Filter:
        field = self._field()
        if self.take("is"):
            is_not = self.take("not")
            self._need("null")
            exists = Comparison(field, "exists")
            return exists if is_not else Not(exists)
        if self.take("not"):
            if not (self._is("in") or self._is("like") or self._is("ilike")):
                self._expected("'in', 'like' or 'ilike'")
            return Not(self._relation(field))
        return self._relation(field)

    def _relation(self, field: Field) -> Comparison:
        if self.take("in"):
            self._need("(")
            values = [self._value(field)]
            while self.take(","):
                values.append(self._value(field))
            self._need(")")
            return Comparison(field, "in", tuple(values))
        for word in ("like", "ilike", "contains"):
            if self.take(word):
                if field.is_time or (not field.group and field.name in NUMBERS):
                    self._next -= 1
                    self._expected("'=', '<' or the like")
                return Comparison(field, word, (self._literal_text(),))
        operator = self._token
        if operator.kind != "sign" or operator.text in "(),":
            self._expected("an operator such as '=' or '<'")
        if field == Field("", "text"):
            self._expected("'contains', 'like' or 'ilike'")
        self._next += 1
        sign = {"==": "=", "<>": "!="}.get(operator.text, operator.text)
        return Comparison(field, sign, (self._value(field),))

    def order(self) -> Order:
        field = self._field()
        if field == Field("", "text"):
            self._next -= 1
            self._expected("something that can be sorted by")
        descending = self.take("desc")
        if not descending:
            self.take("asc")
        return Order(field, descending)

    def _field(self) -> Field:
        token = self._token
        if token.kind != "word" or token.text.lower() in _WORDS:
            self._expected("a field such as metrics.auc or status")
        self._next += 1
        group, dot, name = token.text.partition(".")
        if dot and group.lower() in self.groups:
            group = self.groups[group.lower()]
            name = name or self._quoted_name()
            return Field(group, name) if group else self._attribute(name, token)
        return self._attribute(token.text, token)

    def _quoted_name(self) -> str:
        token = self._token
        if token.kind not in ("quoted", "text"):
            self._expected("a name")
        self._next += 1
        return _unquoted(token.text)

    def _attribute(self, name: str, token: _Token) -> Field:
        name = self._names.get(name.lower(), name.lower())
        if name not in ATTRIBUTES:
            self.fail(
                token.start,
                f"there is no field {token.text!r}; there are metrics.NAME, params.NAME, "
                f"tags.NAME, properties.NAME, {', '.join(sorted(ATTRIBUTES))}",
            )
        return Field("", name)

    def _literal_text(self) -> str:
        if self._token.kind != "text":
            self._expected("a text in quotes")
        self._next += 1
        return _unquoted(self._tokens[self._next - 1].text)

    def _value(self, field: Field) -> Value:
        token = self._token
        if field.is_time:
            return self._time(token)
        if field.is_text:
            text = self._literal_text()
            return self._status(text, token) if field == Field("", "status") else text
        if token.kind == "text" and field.group:
            return self._literal_text()
        if token.kind == "number":
            self._next += 1
            return float(token.text) if re.search(r"[.eE]", token.text) else int(token.text)
        if field.group and (self.take("true") or self.take("false")):
            return token.text.lower() == "true"
        self._expected("a number or a text in quotes" if field.group else "a number")

    def _status(self, text: str, token: _Token) -> str:
        known = {status.value.lower(): status.value for status in RunStatus}
        word = _OTHER_STATUSES.get(text.lower(), text.lower())
        if word not in known:
            self.fail(token.start, f"{text!r} is no status; there are {', '.join(known.values())}")
        return known[word]

    def _time(self, token: _Token) -> int:
        if token.kind == "number" and token.text.isdecimal():
            self._next += 1
            return min(1000 * int(token.text), _LATEST)
        text = self._literal_text()
        try:
            time = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            self.fail(
                token.start, f"{token.text} is no time such as '2026-01-31' or '2026-01-31 12:30'"
            )
        return to_micros(time if time.tzinfo else time.replace(tzinfo=timezone.utc))


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


class _ConditionParser(_Parser):
    groups = _CONDITION_GROUPS
    example = "parameters.rows > 100 and outputs.check.verdict.ok = true"

    def _attribute(self, name: str, token: _Token) -> Field:
        self.fail(
            token.start,
            f"{token.text!r} is no field; there are parameters.NAME and outputs.STEP.OUTPUT",
        )
