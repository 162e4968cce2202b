"""Values in calls between R and Python: one form as JSON text, the same both ways.

What a value becomes hangs on its type and on the types of what is in it, never on a length.

| Python | text | R |
|---|---|---|
| None | ``null`` | ``NULL`` |
| bool, str, float, int | ``true``, ``"a"``, ``0.5``, ``1`` | a vector of length one |
| nan, inf | ``{"$float": "nan"}``, ``"inf"``, ``"-inf"`` | the same |
| date, datetime, timedelta | ``{"$scalar": {…}}``, a vector of one | a vector of length one |
| list or tuple of scalars of one kind | ``{"$vector": {…}}`` | an atomic vector; None is ``NA`` |
| `Vector` | ``{"$vector": {…}}`` | an atomic vector, a factor, a matrix |
| any other list or tuple | ``[…]`` | a list |
| dict | ``{"$map": [[name, value], …]}`` | a named list |
| bytes | ``{"$bytes": "…"}`` in base64 | a raw vector |
| data frame | ``{"$file": "…"}``, or `Table` ``{"$frame": […]}`` | a data frame |

R has no scalars, so that every atomic vector of R comes to Python as a `Vector`, which is a list.

A vector is ``{"type": …, "values": […], "names": […], …}`` with ``null`` for NA. By type:

- ``logical``, ``integer``, ``character``: the values themselves.
- ``double``: numbers; places from 1 on that are not finite are named under ``nan``, ``inf`` and
  ``-inf``.
- ``integer64``: decimal texts.
- ``date``: days since 1970-01-01.
- ``time``: seconds since 1970-01-01 UTC; ``zone`` is a name of the tz database, ``""`` for R's
  session zone; ``clock`` marks times without a zone, as if they were UTC.
- ``difftime``: numbers in ``units`` (secs, mins, hours, days, weeks).
- ``factor``: codes from 1 on; ``levels``, ``ordered``.

``storage`` is ``integer`` where R keeps a date, time or difftime in integers. ``dim`` and
``dimnames`` make a vector a matrix or an array, by columns.
"""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from fractions import Fraction
from functools import lru_cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.warnings import PrecisionWarning, ZoneWarning

Json: TypeAlias = Any
Frame: TypeAlias = Callable[[Any], str]

VECTOR_TYPES = (
    *("logical", "integer", "double", "character", "integer64"),
    *("date", "time", "difftime", "factor"),
)
_ATTRIBUTES = ("levels", "ordered", "zone", "clock", "units", "storage", "dim", "dimnames")
_EXACT_INTEGER = 2**31 - 1  # -2^31 is R's NA
_EXACT_DOUBLE = 2**53
_LARGEST = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_FIRST_DAY = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_UNITS = {"secs": 1, "mins": 60, "hours": 3600, "days": 86400, "weeks": 604800}
_FRAMES_HINT = "A data frame can be an input by itself, or within lists and dicts."


class Vector(list[Any]):
    """A vector of R: a list that knows its type, and so comes back to R as it was.

    Attributes:
        type: ``logical``, ``integer``, ``double``, ``character``, ``integer64``, ``date``,
            ``time``, ``difftime`` or ``factor``; None to take it from the values.
        names: a name for each value, or None.
        attributes: what else R knows: ``levels`` and ``ordered`` of a factor, ``zone`` of times,
            ``units`` of a difftime, ``dim`` and ``dimnames`` of a matrix.

    >>> Vector([1.5], "double").item()
    1.5
    >>> Vector([0.1, 0.2], "double", names=["a", "b"]).to_dict()
    {'a': 0.1, 'b': 0.2}
    """

    __slots__ = ("attributes", "names", "type")

    def __init__(
        self,
        values: Iterable[Any] = (),
        type: str | None = None,
        *,
        names: Sequence[str | None] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(values)
        if type is not None and type not in VECTOR_TYPES:
            raise InvalidInput(
                f"{type!r} is no type of a vector.", hint=f"Choose from {', '.join(VECTOR_TYPES)}."
            )
        self.type = type
        self.names = None if names is None else list(names)
        self.attributes = dict(attributes or {})

    def item(self) -> Any:
        """The one value of a vector of length one.

        Raises:
            InvalidInput: it has another length.
        """
        if len(self) != 1:
            raise InvalidInput(f"This {self.type} vector has {len(self)} values, not one.")
        return self[0]

    def to_dict(self) -> dict[str, Any]:
        """The values by their names.

        Raises:
            InvalidInput: they have none, or a name is missing or repeated.
        """
        return dict(zip(_keys(self.names or [], len(self)), self, strict=True))

    def __repr__(self) -> str:
        extra = [repr(self.type)] if self.type else []
        extra += [f"names={self.names!r}"] if self.names is not None else []
        extra += [f"attributes={self.attributes!r}"] if self.attributes else []
        return f"Vector({', '.join([super().__repr__(), *extra])})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (list(self), self.type, self.names, self.attributes)


def _rebuild(
    values: list[Any],
    type: str | None,
    names: list[str | None] | None,
    attributes: dict[str, Any],
) -> Vector:
    return Vector(values, type, names=names, attributes=attributes)


@dataclass(frozen=True, slots=True)
class Table:
    """A small data frame for R, in the text itself.

    Attributes:
        columns: their values, of equal length; a column of several kinds is a list there. A
            `Vector` with a type says that of one that may be without values.
    """

    columns: Mapping[str, Sequence[Any]]


def encode(
    value: object,
    *,
    what: str = "value",
    frame: Frame | None = None,
    other: Callable[[Any], object] | None = None,
    repair: bool = False,
) -> str:
    """A value as text for R.

    Args:
        what: what the value is, for errors.
        frame: keeps a data frame somewhere and gives the name of its file; without it data
            frames are refused.
        other: what to send for an object that has no form; without it such objects are refused.
        repair: whether to replace characters that R's strings cannot hold, not to refuse them.

    Raises:
        InvalidInput: something in it has no form in R; the message says where.

    >>> encode({"a": None, "b": [1, 2]})
    '{"$map":[["a",null],["b",{"$vector":{"type":"integer","values":[1,2]}}]]}'
    """
    try:
        return msgspec.json.encode(_Encoder(frame, other, repair).value(value)).decode()
    except _Refused as refused:
        where = f"{what}{''.join(reversed(refused.path))}"
        raise InvalidInput(
            f"The {where} cannot go to R: {refused.reason}.",
            hint=refused.hint,
            details={"where": where},
        ) from None


class _Refused(Exception):
    def __init__(self, reason: str, hint: str = "") -> None:
        self.reason, self.hint = reason, hint
        self.path: list[str] = []


@contextmanager
def _within(place: str) -> Iterator[None]:
    try:
        yield
    except _Refused as refused:
        refused.path.append(place)
        raise


@dataclass(frozen=True, slots=True)
class _Encoder:
    frame: Frame | None
    other: Callable[[Any], object] | None
    repair: bool

    def value(self, value: Any) -> Json:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self.text(value)
        if kind is float:
            return value if math.isfinite(value) else {"$float": _word(value)}
        if kind is int:
            return value if abs(value) <= _EXACT_DOUBLE else self.scalar(value)
        if isinstance(value, Vector):
            return {"$vector": self.vector(value)}
        if isinstance(value, (list, tuple, range)):
            return self.sequence(value)
        if isinstance(value, Mapping):
            return self.mapping(value)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return {"$bytes": base64.b64encode(bytes(value)).decode()}
        if isinstance(value, Table):
            return {"$frame": [self.column(*item) for item in value.columns.items()]}
        return self.rarity(value)

    def rarity(self, value: Any) -> Json:
        """What is neither plain nor a container: subclasses, times, arrays, frames, others."""
        plain = _plain(value)
        if plain is not value:
            return self.value(plain)
        if type(plain) in _SCALARS:
            return self.scalar(plain)
        if is_frame(value):
            if self.frame is None:
                raise _Refused("data frames do not cross here", _FRAMES_HINT)
            return {"$file": self.frame(value)}
        if self.other is not None:
            return self.value(self.other(value))
        raise _no_form(value)

    def scalar(self, value: Any) -> Json:
        return {"$scalar": self.body([value], kind_of([value]), {})}

    def text(self, text: str) -> str:
        if self.repair:
            return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        if "\0" in text:
            raise _Refused("the text holds a NUL character, which R's strings cannot")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise _Refused("the text holds half a character (a lone surrogate)")
        return text

    def mapping(self, value: Mapping[Any, Any]) -> Json:
        pairs = []
        for name, item in value.items():
            if not isinstance(name, str):
                raise _Refused(f"the key {name!r} is not text", "Names of R's lists are strings.")
            if not name and not self.repair:
                raise _Refused("a key is empty", "R's lists need names that are not empty.")
            with _within(f"[{name!r}]"):
                pairs.append([self.text(str(name)), self.value(item)])
        return {"$map": pairs}

    def sequence(self, values: Sequence[Any]) -> Json:
        kind = kind_of(values)
        if kind == "other":
            plain = [_plain(value) for value in values]
            if any(new is not old for new, old in zip(plain, values, strict=True)):
                return self.sequence(plain)
        if kind not in ("other", "list"):
            return {"$vector": self.body(values, kind, {})}
        found = []
        for place, value in enumerate(values):
            with _within(f"[{place}]"):
                found.append(self.value(value))
        return found

    def vector(self, vector: Vector) -> dict[str, Json]:
        values = [_plain(value) for value in vector]
        kind = vector.type or kind_of(values)
        if kind in ("list", "other"):
            raise _Refused(
                "its values are not of one kind of scalar", "Give the vector a type, or use a list."
            )
        unknown = set(vector.attributes) - set(_ATTRIBUTES)
        if unknown:
            raise _Refused(f"a vector has no attribute {min(unknown)!r}")
        body = self.body(values, kind, vector.attributes)
        if vector.names is not None:
            if len(vector.names) != len(vector):
                raise _Refused(f"{len(vector)} values have {len(vector.names)} names")
            body["names"] = [None if name is None else self.text(name) for name in vector.names]
        return body

    def column(self, name: str, values: Sequence[Any]) -> dict[str, Json]:
        with _within(f"[{name!r}]"):
            type_ = values.type if isinstance(values, Vector) else None
            values = [_plain(value) for value in values]
            kind = type_ or kind_of(values)
            if type_ is None and all(value is None for value in values):
                kind = "logical"
            if kind in ("list", "other"):
                missing: Json = {"$vector": {"type": "logical", "values": [None]}}
                items = [missing if value is None else self.value(value) for value in values]
                return {"name": self.text(name), "type": "list", "values": items}
            return {"name": self.text(name), **self.body(values, kind, {})}

    def body(
        self, values: Sequence[Any], kind: str, attributes: Mapping[str, Any]
    ) -> dict[str, Json]:
        _check(values, kind)
        body: dict[str, Json] = {"type": kind, "values": list(values)}
        if kind == "double":
            body.update(_doubles(values))
        elif kind == "integer":
            if any(value is not None and abs(value) > _EXACT_INTEGER for value in values):
                raise _Refused("a number is beyond R's integers (2^31 - 1)", 'Use "double".')
        elif kind == "character":
            body["values"] = [None if value is None else self.text(value) for value in values]
        elif kind == "integer64":
            if any(value is not None and abs(value) > _LARGEST for value in values):
                raise _Refused("a whole number is beyond 64 bits", "Send it as text.")
            body["values"] = [None if value is None else str(value) for value in values]
        elif kind == "date":
            body["values"] = [None if v is None else v.toordinal() - _FIRST_DAY for v in values]
        elif kind == "time":
            body.update(_times(values))
        elif kind == "difftime":
            body.update(_differences(values, attributes.get("units", "secs")))
        elif kind == "factor":
            body.update(self.factor(values, attributes))
        body.update(attributes)
        return body

    def factor(self, values: Sequence[Any], attributes: Mapping[str, Any]) -> dict[str, Json]:
        levels = attributes.get("levels")
        if levels is None:
            levels = sorted({value for value in values if value is not None})
        codes = {level: code for code, level in enumerate(levels, 1)}
        if len(codes) < len(levels):
            raise _Refused("a level of the factor is repeated")
        stray = [value for value in values if value is not None and value not in codes]
        if stray:
            raise _Refused(f"{stray[0]!r} is no level of the factor")
        found = [None if value is None else codes[value] for value in values]
        return {"values": found, "levels": [self.text(level) for level in levels]}


_SCALARS = frozenset({bool, str, int, float, date, datetime, timedelta})
_TYPES: dict[str, tuple[type, ...]] = {
    "logical": (bool,),
    "integer": (int,),
    "integer64": (int,),
    "double": (float, int),
    "character": (str,),
    "factor": (str,),
    "date": (date,),
    "time": (datetime,),
    "difftime": (timedelta,),
}


def kind_of(values: Sequence[Any]) -> str:
    """The type of the vector that plain scalars make, or ``list`` for several kinds or none.

    ``other`` if something in it is no plain scalar.

    >>> kind_of([1, None]), kind_of([1, 0.5]), kind_of([1, "a"]), kind_of([])
    ('integer', 'double', 'list', 'list')
    """
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds or not kinds <= _SCALARS:
        return "other" if kinds else "list"
    if kinds == {int}:
        largest = max(abs(value) for value in values if value is not None)
        if largest <= _EXACT_INTEGER:
            return "integer"
        return "double" if largest <= _EXACT_DOUBLE else "integer64"
    if kinds == {int, float}:
        return "double"
    if len(kinds) > 1:
        return "list"
    by_type = {bool: "logical", str: "character", float: "double"}
    by_type |= {date: "date", datetime: "time", timedelta: "difftime"}
    return by_type[kinds.pop()]


def _check(values: Sequence[Any], kind: str) -> None:
    right = _TYPES[kind]
    for place, value in enumerate(values):
        if value is not None and type(value) not in right:
            name = type(value).__name__
            raise _Refused(f"value {place} is of type {name}, which is not {kind}")


def _doubles(values: Sequence[Any]) -> dict[str, Json]:
    found: list[float | None] = []
    places: dict[str, list[int]] = {}
    for place, value in enumerate(values, 1):
        if type(value) is int:
            found.append(_as_double(value))
        elif value is None or math.isfinite(value):
            found.append(value)
        else:
            places.setdefault(_word(value), []).append(place)
            found.append(None)
    return {"values": found, **places}


def _as_double(value: int) -> float:
    try:
        double = float(value)
    except OverflowError:
        raise _Refused("a whole number is beyond R's doubles", "Send it as text.") from None
    if double != value:
        _warn(PrecisionWarning, f"The whole number {value} was rounded to a double of R's.")
    return double


def _word(value: float) -> str:
    return "nan" if value != value else "inf" if value > 0 else "-inf"


def _times(values: Sequence[datetime | None]) -> dict[str, Json]:
    zones = {_zone_of(value.tzinfo, value) for value in values if value is not None}
    if None in zones and len(zones) > 1:
        raise _Refused(
            "some times have a zone and others have none", "Give all of them one, or none."
        )
    about: dict[str, Json] = {"zone": "UTC"}
    if zones == {None}:
        about["clock"] = True
    elif zones and (len(zones) > 1 or "" in zones):
        _warn(ZoneWarning, "Times of several zones, or with a bare offset, go to R in UTC.")
    elif zones:
        about["zone"] = zones.pop()
    return {"values": [None if value is None else _seconds(value) for value in values], **about}


def _zone_of(zone: tzinfo | None, moment: datetime) -> str | None:
    """The name of the zone in the tz database, None without a zone, ``""`` if it has no name."""
    if zone is None:
        return None
    if zone is timezone.utc:
        return "UTC"
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if isinstance(name, str):
        return name
    return "" if zone.utcoffset(moment) or not isinstance(zone, timezone) else "UTC"


def _seconds(moment: datetime) -> float:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    micros = (moment - _EPOCH) // _MICROSECOND
    seconds = micros / 1_000_000
    if _nearest_micros(seconds) != micros:
        _warn(PrecisionWarning, f"The time {moment} has more digits than R's doubles hold.")
    return seconds


def _nearest_micros(seconds: float) -> int:
    # The product with a million would be rounded once more, which is too often from 2106 on.
    second = math.floor(seconds)
    return second * 1_000_000 + round((seconds - second) * 1_000_000)


def _differences(values: Sequence[timedelta | None], units: str) -> dict[str, Json]:
    if units not in _UNITS:
        raise _Refused(f"{units!r} are no units of a difftime", f"Choose from {', '.join(_UNITS)}.")
    found: list[float | None] = []
    for value in values:
        micros = None if value is None else value // _MICROSECOND
        number = None if micros is None else micros / (_UNITS[units] * 1_000_000)
        if number is not None and _micros(number, units) != micros:
            _warn(PrecisionWarning, f"The time span {value} has more digits than R's doubles hold.")
        found.append(number)
    return {"values": found, "units": units}


def _micros(number: float, units: str) -> int:
    return round(Fraction(number) * _UNITS[units] * 1_000_000)


def _plain(value: Any) -> Any:
    """The plain value that a scalar or array of a library or a subclass stands for, or itself."""
    kind = type(value)
    if kind in _SCALARS or value is None:
        return value
    if kind.__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, datetime):
        if getattr(value, "nanosecond", 0):
            _warn(PrecisionWarning, f"The time {value} was rounded to microseconds.")
        fields = (value.year, value.month, value.day, value.hour, value.minute, value.second)
        return datetime(*fields, value.microsecond, tzinfo=value.tzinfo, fold=value.fold)
    if isinstance(value, timedelta):
        if getattr(value, "nanoseconds", 0):
            _warn(PrecisionWarning, f"The time span {value} was rounded to microseconds.")
        return timedelta(value.days, value.seconds, value.microseconds)
    for base in (str, int, float):
        if isinstance(value, base):
            return base.__str__(value) if base is str else base(value)
    shape = getattr(value, "shape", None)
    if kind.__module__.partition(".")[0] == "numpy" and isinstance(shape, tuple):
        return _from_numpy(value, shape)
    return value


def _from_numpy(array: Any, shape: tuple[int, ...]) -> Any:
    kind = {"b": "logical", "f": "double", "U": "character", "M": "time", "m": "difftime"}
    if array.dtype.kind in "Mm":
        array = array.astype(f"{array.dtype.kind}8[us]")
    if not shape:
        return array.item()
    if array.dtype.kind not in "bfUMmiu":
        raise _Refused(f"a numpy array of type {array.dtype} has no form in R")
    values = array.ravel(order="F").tolist()
    attributes = {"dim": list(shape)} if len(shape) > 1 else {}
    of_integers = "integer" if not values else kind_of(values)
    return Vector(values, kind.get(array.dtype.kind, of_integers), attributes=attributes)


def is_frame(value: Any) -> bool:
    """Whether it streams columns with names; no library is imported for that."""
    if isinstance(value, type):
        return False
    streams = hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")
    pandas = type(value).__name__ == "DataFrame" and hasattr(value, "iloc")
    names = hasattr(value, "columns") or hasattr(value, "schema")
    column = hasattr(value, "dtype") or hasattr(value, "type")  # of a library
    return (streams and (names or not column)) or pandas


def _no_form(value: Any) -> _Refused:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if callable(value):
        return _Refused(f"{name} is code, which R cannot run", "Send what it gives.")
    if kind.__name__ in ("Series", "ChunkedArray", "Index") or isinstance(value, (set, frozenset)):
        return _Refused(f"{name} is no list", "Make it a list, or a column of a data frame.")
    return _Refused(
        f"{name} has no form in R",
        "Send numbers, texts, booleans, dates, times, bytes, lists, dicts and data frames.",
    )


def _warn(kind: type[Warning], text: str) -> None:
    warnings.warn(text, kind, stacklevel=2)


def decode(text: str | bytes, *, frame: Callable[[str], Any] | None = None) -> Any:
    """The value that R has sent as text.

    Args:
        frame: reads the data frame in a file, by the file's name.

    >>> decode('{"$map":[["p",{"$vector":{"type":"double","values":[0.5,null]}}]]}')
    {'p': Vector([0.5, None], 'double')}
    """
    return read(msgspec.json.decode(text), frame=frame)


def read(form: Any, *, frame: Callable[[str], Any] | None = None) -> Any:
    """The value behind its form, as far as JSON has been read already; see `decode`."""
    return _Decoder(frame).value(form)


@dataclass(frozen=True, slots=True)
class _Decoder:
    frame: Callable[[str], Any] | None

    def value(self, form: Json) -> Any:
        if isinstance(form, list):
            return [self.value(item) for item in form]
        if not isinstance(form, dict):
            return form
        ((mark, content),) = form.items()
        if mark == "$vector":
            return _vector(content)
        if mark == "$map":
            names = _keys([name for name, _ in content], len(content))
            return {name: self.value(pair[1]) for name, pair in zip(names, content, strict=True)}
        if mark == "$scalar":
            return _values(content)[0]
        if mark == "$float":
            return _FLOATS[content]
        if mark == "$bytes":
            return base64.b64decode(content)
        if mark == "$file" and self.frame is not None:
            return self.frame(content)
        raise InvalidInput(f"R has sent a value of an unknown form, {mark!r}.")


def _keys(names: Sequence[str | None], count: int) -> list[str]:
    """Names that can be keys of a dict."""
    found = [name for name in names if name]
    if len(found) < count:
        raise InvalidInput(
            "Some elements have names and others have none, so that they make no dict.",
            hint="In R, name all of them, or none: unname(x).",
        )
    if len(set(found)) < count:
        repeated = next(name for name in found if found.count(name) > 1)
        raise InvalidInput(
            f"Several elements have the name {repeated!r}, so that they make no dict.",
            hint="In R, make names unique: names(x) <- make.unique(names(x)).",
        )
    return found


def _vector(body: dict[str, Json]) -> Vector:
    attributes = {name: body[name] for name in _ATTRIBUTES if name in body}
    return Vector(_values(body), body["type"], names=body.get("names"), attributes=attributes)


def _values(body: dict[str, Json]) -> list[Any]:
    kind, values = body["type"], body["values"]
    if kind == "double":
        for word, double in _FLOATS.items():
            for place in body.get(word, ()):
                values[place - 1] = double
    elif kind == "integer64":
        values = [None if value is None else int(value) for value in values]
    elif kind == "date":
        values = [None if day is None else date.fromordinal(_FIRST_DAY + day) for day in values]
    elif kind == "factor":
        levels = body["levels"]
        values = [None if code is None else levels[code - 1] for code in values]
    elif kind == "time":
        zone = None if body.get("clock") else _zone(body.get("zone") or "UTC")
        values = [None if value is None else _moment(value, zone) for value in values]
    elif kind == "difftime":
        values = [None if value is None else _span(value, body["units"]) for value in values]
    return list(values)


@lru_cache(maxsize=64)
def _zone_named(name: str) -> tzinfo | None:
    if name in ("UTC", "GMT"):
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (OSError, ValueError):  # ZoneInfoNotFoundError is a KeyError
        return None
    except KeyError:
        return None


def _zone(name: str) -> tzinfo:
    zone = _zone_named(name)
    if zone is None:
        _warn(ZoneWarning, f"Python does not know the time zone {name!r}; its times are in UTC.")
        return timezone.utc
    return zone


def _moment(seconds: float, zone: tzinfo | None) -> datetime:
    micros = _nearest_micros(seconds)
    if micros / 1_000_000 != seconds:
        _warn(PrecisionWarning, "Times were rounded to microseconds.")
    moment = _EPOCH + micros * _MICROSECOND
    return moment.replace(tzinfo=None) if zone is None else moment.astimezone(zone)


def _span(number: float, units: str) -> timedelta:
    micros = _micros(number, units)
    if micros / (_UNITS[units] * 1_000_000) != number:
        _warn(PrecisionWarning, "Time spans were rounded to microseconds.")
    try:
        return micros * _MICROSECOND
    except OverflowError:
        raise InvalidInput(f"A time span of {number} {units} is too long for Python.") from None
