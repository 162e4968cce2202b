"""Search spaces: the values that hyper-parameters may take, and how they are drawn.

An expression turns a number between 0 and 1 into a value, so that one set of them serves random
numbers, Sobol sequences and grids alike.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from statistics import NormalDist
from typing import Any, TypeAlias, TypeVar

from tandemlab.domain.errors import InvalidInput
from tandemlab.domain.names import check_metric_name
from tandemlab.domain.pipeline_places import Place, has_open_fields, is_place
from tandemlab.domain.scalars import Scalar, as_number, as_scalar, as_whole
from tandemlab.domain.schemas import nearest

Values: TypeAlias = dict[str, Scalar]

_NAME = re.compile(r"-{0,2}[A-Za-z_][A-Za-z0-9_.-]*")
_DIGITS = 12  # of a multiple of a step: 3 * 0.1 is 0.3
_EDGE = 1e-12
_FARTHEST = NormalDist().inv_cdf(1 - _EDGE)  # standard deviations from the mean
_LARGEST = math.log(2.0**1000)
_MOST_WHOLE = 2**53
_E = TypeVar("_E", bound="Expression")


@dataclass(frozen=True)
class Expression:
    """What a hyper-parameter may be.

    In a step of a pipeline a parameter of the pipeline may stand for each of its values.

    Attributes:
        conditions: other hyper-parameters by name, with the values of each for which this one is
            there; empty for one that always is.
    """

    conditions: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        if not self.is_open:
            self._check()

    def _check(self) -> None:
        """Refuse values that it cannot have."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether it waits for values of parameters of a pipeline; it is checked once it has."""
        return has_open_fields(self)

    def only_if(self: _E, **conditions: Scalar | Sequence[Scalar]) -> _E:
        """The same, for a hyper-parameter that is there only if others have certain values.

        Args:
            conditions: for the name of another hyper-parameter one value, or a list of them.

        >>> deep = RandInt(30).only_if(booster="tree")
        >>> dict(deep.conditions)
        {'booster': ('tree',)}
        """
        found = {name: _as_options(name, value) for name, value in conditions.items()}
        if not found:
            raise InvalidInput("only_if() has no condition.", hint='only_if(booster="tree")')
        return replace(self, conditions={**self.conditions, **found})

    @property
    def name(self) -> str:
        """What documents call it."""
        raise NotImplementedError

    @property
    def settings(self) -> Any:
        """What it was made of, as documents have it."""
        raise NotImplementedError

    @property
    def count(self) -> int | None:
        """How many values there are; None for too many to try all."""
        return None

    def values(self) -> Sequence[Scalar]:
        """All values, of one that has a count."""
        raise NotImplementedError

    def value_at(self, place: float) -> Scalar:
        """The value at a place between 0 and 1; places that are uniform give its distribution."""
        raise NotImplementedError

    def place_of(self, value: Scalar) -> float | None:
        """A place whose value is this one; None for a value that it cannot be."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The expression as documents have it."""
        found = {self.name: self.settings}
        if self.conditions:
            found["only_if"] = {
                name: options[0] if len(options) == 1 else list(options)
                for name, options in self.conditions.items()
            }
        return found


@dataclass(frozen=True)
class Choice(Expression):
    """One of several values, each as likely.

    Attributes:
        options: scalars, all different.

    >>> Choice((16, 32, 64)).value_at(0.5)
    32
    """

    options: tuple[Scalar, ...]

    def _check(self) -> None:
        if not self.options:
            raise InvalidInput("choice() has nothing to choose from.", hint="choice(16, 32, 64)")
        if len({_key(option) for option in self.options}) < len(self.options):
            raise InvalidInput(f"choice() has a value twice: {list(self.options)}.")
        endless = [
            each for each in self.options if isinstance(each, float) and not math.isfinite(each)
        ]
        if endless:
            raise InvalidInput(f"choice() has {endless[0]}, which is no finite number.")

    @property
    def name(self) -> str:
        return "choice"

    @property
    def settings(self) -> Any:
        return self.options if is_place(self.options) else list(self.options)

    @property
    def count(self) -> int:
        return len(self.options)

    def values(self) -> Sequence[Scalar]:
        return self.options

    def value_at(self, place: float) -> Scalar:
        return self.options[_index(place, len(self.options))]

    def place_of(self, value: Scalar) -> float | None:
        keys = [_key(option) for option in self.options]
        return (keys.index(_key(value)) + 0.5) / len(keys) if _key(value) in keys else None


@dataclass(frozen=True)
class RandInt(Expression):
    """A whole number from `lower` up to, but without, `upper`.

    >>> RandInt(10).value_at(0.99), RandInt(10, lower=5).value_at(0.0)
    (9, 5)
    """

    upper: int
    lower: int = 0

    def _check(self) -> None:
        for name in ("upper", "lower"):
            whole = as_whole(getattr(self, name))
            if whole is None or abs(whole) > _MOST_WHOLE:
                raise InvalidInput(
                    f"{name} of randint() must be a whole number up to 2^53, not "
                    f"{getattr(self, name)!r}."
                )
            object.__setattr__(self, name, whole)
        if self.upper <= self.lower:
            raise InvalidInput(
                f"randint() has no number from {self.lower} up to, but without, {self.upper}."
            )

    @property
    def name(self) -> str:
        return "randint"

    @property
    def settings(self) -> Any:
        return {"upper": self.upper, **({"lower": self.lower} if self.lower else {})}

    @property
    def count(self) -> int:
        return self.upper - self.lower

    def values(self) -> Sequence[Scalar]:
        return range(self.lower, self.upper)

    def value_at(self, place: float) -> Scalar:
        return self.lower + _index(place, self.count)

    def place_of(self, value: Scalar) -> float | None:
        whole = as_whole(value)
        if whole is None or not self.lower <= whole < self.upper:
            return None
        return (whole - self.lower + 0.5) / self.count


@dataclass(frozen=True)
class Uniform(Expression):
    """A number between two bounds.

    Attributes:
        min_value, max_value: bounds of the value itself, also where it is logarithmic.
        q: the value is a multiple of this, within the bounds; None for any number. Multiples of a
            whole number are whole numbers.
        is_log: whether its logarithm is what is uniform.

    >>> Uniform(0, 10).value_at(0.25)
    2.5
    >>> Uniform(0.01, 100, is_log=True).value_at(1.0)
    100.0
    >>> Uniform(16, 256, q=16).value_at(0.5)
    144
    """

    min_value: float
    max_value: float
    q: float | None = None
    is_log: bool = False

    def _check(self) -> None:
        _check_numbers(self, "min_value", "max_value")
        if not self.min_value < self.max_value:
            raise InvalidInput(
                f"The bounds of {self.name}() are {self.min_value} and {self.max_value}; the first "
                "must be less."
            )
        if self.is_log and self.min_value <= 0:
            raise InvalidInput(
                f"The bounds of {self.name}() are those of the value, and must be above 0, not "
                f"{self.min_value}.",
                hint="Bounds of its logarithm, as SDK v1 took them, are written as exp(bound).",
            )
        if self.q is not None and self._least > self._most:
            raise InvalidInput(
                f"{self.name}() has no multiple of {self.q} from {self.min_value} to "
                f"{self.max_value}."
            )

    @property
    def name(self) -> str:
        return f"{'' if self.q is None else 'q'}{'log' if self.is_log else ''}uniform"

    @property
    def settings(self) -> Any:
        found = {"min_value": self.min_value, "max_value": self.max_value}
        return found if self.q is None else {**found, "q": self.q}

    @property
    def _least(self) -> int:
        assert self.q is not None
        return math.ceil(self.min_value / self.q - 1e-9)

    @property
    def _most(self) -> int:
        assert self.q is not None
        return math.floor(self.max_value / self.q + 1e-9)

    @property
    def count(self) -> int | None:
        return None if self.q is None else self._most - self._least + 1

    def values(self) -> Sequence[Scalar]:
        assert self.q is not None
        return [_multiple(n, self.q) for n in range(self._least, self._most + 1)]

    def value_at(self, place: float) -> Scalar:
        if self.is_log:
            low, high = math.log(self.min_value), math.log(self.max_value)
            value = math.exp(low + place * (high - low))
        else:
            value = self.min_value + place * (self.max_value - self.min_value)
        if self.q is None:
            return float(min(max(value, self.min_value), self.max_value))
        return _multiple(min(max(_round(value / self.q), self._least), self._most), self.q)

    def place_of(self, value: Scalar) -> float | None:
        value = as_number(value)
        if value is None or not self.min_value <= value <= self.max_value:
            return None
        if self.is_log:
            low, high = math.log(self.min_value), math.log(self.max_value)
            return (math.log(value) - low) / (high - low)
        return (value - self.min_value) / (self.max_value - self.min_value)


@dataclass(frozen=True)
class Normal(Expression):
    """A number of a normal distribution, or one whose logarithm is.

    Attributes:
        mu, sigma: mean and standard deviation, of the logarithm where it is logarithmic.
        q: the value is a multiple of this; None for any number.
        is_log: whether its logarithm is what is normal.

    >>> Normal(5, 2).value_at(0.5), Normal(0, 1, q=10).value_at(0.5)
    (5.0, 0)
    """

    mu: float
    sigma: float
    q: float | None = None
    is_log: bool = False

    def _check(self) -> None:
        _check_numbers(self, "mu", "sigma")
        if self.sigma <= 0:
            raise InvalidInput(f"sigma of {self.name}() must be above 0, not {self.sigma}.")
        if self.is_log and self.mu + _FARTHEST * self.sigma > _LARGEST:
            raise InvalidInput(
                f"{self.name}() with mu {self.mu} and sigma {self.sigma} gives numbers that are "
                "too large for a computer.",
                hint="mu and sigma are those of the logarithm.",
            )

    @property
    def name(self) -> str:
        return f"{'' if self.q is None else 'q'}{'log' if self.is_log else ''}normal"

    @property
    def settings(self) -> Any:
        found = {"mu": self.mu, "sigma": self.sigma}
        return found if self.q is None else {**found, "q": self.q}

    def value_at(self, place: float) -> Scalar:
        value = NormalDist(self.mu, self.sigma).inv_cdf(min(max(place, _EDGE), 1 - _EDGE))
        if self.is_log:
            value = math.exp(value)
        return value if self.q is None else _multiple(_round(value / self.q), self.q)

    def place_of(self, value: Scalar) -> float | None:
        if self.is_log and self.q is not None and value == 0:
            value = self.q / 4  # which is rounded to 0
        value = as_number(value)
        if value is None or (self.is_log and value <= 0):
            return None
        place = NormalDist(self.mu, self.sigma).cdf(math.log(value) if self.is_log else value)
        return min(max(place, _EDGE), 1 - _EDGE)


def choice(*options: Any) -> Choice:
    """One of several values, each as likely: ``choice(16, 32)``, or ``choice([16, 32])``.

    Raises:
        InvalidInput: nothing to choose from, a value twice, or one that is no single value.

    >>> choice(range(3)).options
    (0, 1, 2)
    """
    if len(options) == 1 and isinstance(options[0], Place):
        return Choice(options[0])  # type: ignore[arg-type]
    if len(options) == 1 and isinstance(options[0], Iterable) and not isinstance(options[0], str):
        options = tuple(options[0]) if not isinstance(options[0], Mapping) else options
    return Choice(tuple(_as_option(option, "an option of choice()") for option in options))


def randint(upper: int, lower: int = 0) -> RandInt:
    """A whole number from `lower` up to, but without, `upper`."""
    return RandInt(upper, lower)


def uniform(min_value: float, max_value: float) -> Uniform:
    """A number between two bounds."""
    return Uniform(min_value, max_value)


def quniform(min_value: float, max_value: float, q: float) -> Uniform:
    """A multiple of `q` between two bounds."""
    return Uniform(min_value, max_value, q)


def loguniform(min_value: float, max_value: float) -> Uniform:
    """A number between two bounds, above 0, whose logarithm is uniform.

    The bounds are those of the number, and not, as in SDK v1, of its logarithm.

    >>> loguniform(1e-4, 1e-1).value_at(1.0)
    0.1
    """
    return Uniform(min_value, max_value, is_log=True)


def qloguniform(min_value: float, max_value: float, q: float) -> Uniform:
    """As `loguniform`, rounded to a multiple of `q`."""
    return Uniform(min_value, max_value, q, is_log=True)


def normal(mu: float, sigma: float) -> Normal:
    """A number of the normal distribution with that mean and standard deviation."""
    return Normal(mu, sigma)


def qnormal(mu: float, sigma: float, q: float) -> Normal:
    """As `normal`, rounded to a multiple of `q`."""
    return Normal(mu, sigma, q)


def lognormal(mu: float, sigma: float) -> Normal:
    """``exp(normal(mu, sigma))``."""
    return Normal(mu, sigma, is_log=True)


def qlognormal(mu: float, sigma: float, q: float) -> Normal:
    """As `lognormal`, rounded to a multiple of `q`."""
    return Normal(mu, sigma, q, is_log=True)


_MAKERS: dict[str, Callable[..., Expression]] = {
    "randint": randint,
    "uniform": uniform,
    "quniform": quniform,
    "loguniform": loguniform,
    "qloguniform": qloguniform,
    "normal": normal,
    "qnormal": qnormal,
    "lognormal": lognormal,
    "qlognormal": qlognormal,
}


def expression_of(content: Mapping[str, Any]) -> Expression:
    """The expression of a document that conforms to the schema.

    Raises:
        InvalidInput: none of the kinds, or several; or values that it cannot have.

    >>> expression_of({"uniform": {"min_value": 0, "max_value": 1}}).name
    'uniform'
    """
    kinds = [name for name in content if name != "only_if"]
    if len(kinds) != 1:
        told = " and ".join(kinds) or "none"
        raise InvalidInput(
            f"A hyper-parameter has one of {', '.join(['choice', *_MAKERS])}, not {told}."
        )
    (name,) = kinds
    if is_place(content[name]):
        found: Expression = Choice(content[name])
    else:
        found = choice(content[name]) if name == "choice" else _MAKERS[name](**content[name])
    return found.only_if(**content["only_if"]) if content.get("only_if") else found


@dataclass(frozen=True)
class SearchSpace:
    """Hyper-parameters by name. A leading ``--`` of a name is that of the script's argument.

    Raises:
        InvalidInput: it is empty, a name cannot be an argument's, or a condition asks for what
            cannot be.

    >>> space = SearchSpace({"rate": Uniform(0, 1), "depth": RandInt(9).only_if(kind="tree"),
    ...                      "kind": choice("tree", "line")})
    >>> space.draw(lambda name: 0.9)
    {'rate': 0.9, 'kind': 'line'}
    """

    expressions: Mapping[str, Expression]

    def __post_init__(self) -> None:
        given: object = self.expressions
        if not given or not isinstance(given, Mapping):
            raise InvalidInput(
                "The parameter space has no hyper-parameters by name.",
                hint='Write {"rate": uniform(0, 1), "units": choice(16, 32)}.',
            )
        for name, found in self.expressions.items():
            _check_name(name)
            if not isinstance(found, Expression):
                raise InvalidInput(
                    f"{name!r} is to be a search expression, such as choice(1, 2) or uniform(0, 1),"
                    f" not {found!r}.",
                    details={"name": name},
                )
        plain = [plain_name(name) for name in self.expressions]
        if len(set(plain)) < len(plain):
            raise InvalidInput(f"Two hyper-parameters have one name: {', '.join(plain)}.")
        self._check_conditions()
        _ = self._order

    def _check_conditions(self) -> None:
        for name, found in self.expressions.items():
            for asked, options in found.conditions.items():
                other = self._full_name(asked)
                if other is None:
                    meant = nearest(asked, self.names)
                    raise InvalidInput(
                        f"{name!r} is there only for some values of {asked!r}, which is no "
                        "hyper-parameter.",
                        hint=f"Did you mean {meant!r}?" if meant else "",
                    )
                if found.is_open or self.expressions[other].is_open:
                    continue
                unknown = [v for v in options if self.expressions[other].place_of(v) is None]
                if unknown:
                    raise InvalidInput(
                        f"{name!r} is there only if {other!r} is {unknown[0]!r}, which it cannot "
                        "be."
                    )

    @cached_property
    def _order(self) -> list[str]:
        """Names, each behind those that its conditions ask for."""
        found: list[str] = []
        waiting = list(self.expressions)
        while waiting:
            ready = next((name for name in waiting if self._asked_by(name) <= set(found)), None)
            if ready is None:
                raise InvalidInput(
                    f"The conditions of {', '.join(waiting)} wait for each other.",
                    hint="A hyper-parameter cannot, by way of others, depend on itself.",
                )
            found.append(ready)
            waiting.remove(ready)
        return found

    def _asked_by(self, name: str) -> set[str | None]:
        return {self._full_name(other) for other in self.expressions[name].conditions}

    def _full_name(self, name: str) -> str | None:
        """The name that a condition means, which may lack the ``--`` of an argument."""
        plain = plain_name(name)
        return next((each for each in self.expressions if plain_name(each) == plain), None)

    @property
    def names(self) -> list[str]:
        """Names as parameters of runs have them, without leading ``-``."""
        return [plain_name(name) for name in self.expressions]

    def is_there(self, name: str, values: Mapping[str, Scalar]) -> bool:
        """Whether a hyper-parameter is there, beside others that are known already."""
        return all(
            (other := self._full_name(asked)) in values
            and _key(values[str(other)]) in map(_key, options)
            for asked, options in self.expressions[name].conditions.items()
        )

    def in_turn(self, value_of: Callable[[str, Expression], Scalar]) -> Values:
        """Values of all hyper-parameters that are there, each asked for once it is known to be."""
        found: Values = {}
        for name in self._order:
            if self.is_there(name, found):
                found[name] = value_of(name, self.expressions[name])
        return {name: found[name] for name in self.expressions if name in found}

    def draw(self, place_of: Callable[[str], float]) -> Values:
        """Values, given a place between 0 and 1 for each name."""
        return self.in_turn(lambda name, expression: expression.value_at(place_of(name)))

    @property
    def is_open(self) -> bool:
        """Whether it waits for values of parameters of a pipeline."""
        return any(each.is_open for each in self.expressions.values())

    @property
    def is_finite(self) -> bool:
        """Whether there is only so much to try."""
        return all(each.count is not None for each in self.expressions.values())

    def grid(self) -> Iterator[Values]:
        """All combinations of a finite space, the last name first to change."""
        yield from self._grid({}, self._order)

    def _grid(self, known: Values, names: Sequence[str]) -> Iterator[Values]:
        if not names:
            yield {name: known[name] for name in self.expressions if name in known}
            return
        name, rest = names[0], names[1:]
        if not self.is_there(name, known):
            yield from self._grid(known, rest)
            return
        for value in self.expressions[name].values():
            yield from self._grid({**known, name: value}, rest)

    def count(self, most: int) -> int | None:
        """How many combinations there are, or `most` if there are more; None for no end."""
        if not self.is_finite:
            return None
        if not any(each.conditions for each in self.expressions.values()):
            product = math.prod(each.count or 1 for each in self.expressions.values())
            return min(product, most)
        return sum(1 for _ in islice(self.grid(), most))

    def values_of(self, params: Mapping[str, Scalar]) -> Values | None:
        """The values that a run's parameters are; None if they are not of this space."""
        found: Values = {}
        for name in self._order:
            plain = plain_name(name)
            if not self.is_there(name, found):
                if plain in params:
                    return None
                continue
            if plain not in params or self.expressions[name].place_of(params[plain]) is None:
                return None
            found[name] = params[plain]
        return {name: found[name] for name in self.expressions if name in found}

    def to_dict(self) -> dict[str, Any]:
        """The space as documents have it."""
        return {name: each.to_dict() for name, each in self.expressions.items()}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> SearchSpace:
        """The space of a document that conforms to the schema.

        Raises:
            InvalidInput: one that cannot be searched; the message names the hyper-parameter.
        """
        found = {}
        for name, each in content.items():
            try:
                found[name] = expression_of(each)
            except InvalidInput as problem:
                raise InvalidInput(f"{name}: {problem.message}", hint=problem.hint) from None
        return cls(found)


def plain_name(name: str) -> str:
    """The name of a hyper-parameter as that of a run's parameter.

    >>> plain_name("--rate")
    'rate'
    """
    return name.lstrip("-")


def key_of_values(values: Mapping[str, Scalar]) -> str:
    """A text that two equal combinations have in common, and no others.

    >>> key_of_values({"b": 1, "a": True}) == key_of_values({"a": True, "b": 1.0})
    True
    """
    return json.dumps({name: _key(value) for name, value in sorted(values.items())})


def _key(value: Scalar) -> tuple[str, Scalar]:
    """A value with its kind: True is not 1, but 1.0 is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return type(value).__name__, value
    return "number", float(value)


def _as_options(name: str, value: Any) -> tuple[Scalar, ...]:
    several = isinstance(value, (list, tuple, set, frozenset, range))
    found = tuple(
        _as_option(each, f"a value of {name!r}") for each in (value if several else [value])
    )
    if not found:
        raise InvalidInput(f"only_if() has no value of {name!r} for which it is there.")
    return found


def _as_option(value: Any, what: str) -> Any:
    if is_place(value):
        return value
    try:
        return as_scalar(value)
    except InvalidInput:
        raise InvalidInput(
            f"{what} is a text, a number, true, false or nothing, not {value!r}.",
            hint="Give what is longer a short name, and have the script know what it means.",
        ) from None


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be the name of a hyper-parameter.",
            hint="Use letters, digits, '_', '.' and '-', such as learning_rate or --rate.",
        )
    check_metric_name(name)


def _check_numbers(of: Uniform | Normal, *names: str) -> None:
    """Have the numbers of an expression be Python's, and its step one above 0."""
    for name in names if of.q is None else (*names, "q"):
        value = getattr(of, name)
        number = as_number(value)
        if number is None:
            raise InvalidInput(f"{name} of {of.name}() must be a finite number, not {value!r}.")
        object.__setattr__(of, name, number)
    if of.q is not None and of.q <= 0:
        raise InvalidInput(f"q of {of.name}() must be a number above 0, not {of.q!r}.")


def _index(place: float, count: int) -> int:
    return min(int(place * count), count - 1)


def _round(value: float) -> int:
    return math.floor(value + 0.5)


def _multiple(times: int, q: float) -> int | float:
    if float(q).is_integer():
        return times * int(q)
    return float(f"{times * q:.{_DIGITS}g}")
