"""Data of the samples: real crashes, and tables that are generated, the same each time."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas
    from numpy.random import Generator
    from numpy.typing import NDArray


def sample_table(name: str) -> pandas.DataFrame:
    """A table of `SAMPLE_TABLES`.

    >>> sample_table("automobiles").shape
    (400, 9)
    """
    return SAMPLE_TABLES[name]()


def _crashes() -> pandas.DataFrame:
    """4,000 of the 26,217 front-seat occupants in the data nassCDS of R's package DAAG.

    They are from the US National Automotive Sampling System, 1997 to 2002.
    """
    import pandas

    with as_file(files(__package__).joinpath("samples/crashes.csv.gz")) as path:
        return pandas.read_csv(path)


def _chance(seed: int) -> Generator:
    import numpy

    return numpy.random.default_rng(seed)


def _automobiles() -> pandas.DataFrame:
    """Generated: prices follow size, power and make, with noise; some values are missing."""
    import numpy
    import pandas

    chance, rows = _chance(1), 400
    makes = numpy.array(["astra", "borea", "corvus", "delphi", "equus"])
    premium = numpy.array([0.0, 1500.0, 4000.0, 9000.0, 16000.0])
    make = chance.integers(0, len(makes), rows)
    engine = chance.normal(1.8, 0.5, rows).clip(0.9, 4.5).round(1)
    power = (55 * engine + chance.normal(0, 12, rows)).round()
    weight = (780 + 260 * engine + chance.normal(0, 70, rows)).round()
    doors = chance.choice([2, 4], rows)
    body = chance.choice(
        ["sedan", "hatchback", "wagon", "convertible"], rows, p=[0.4, 0.35, 0.2, 0.05]
    )
    fuel = chance.choice(["petrol", "diesel"], rows, p=[0.8, 0.2])
    consumption = (3.2 + 2.4 * engine - (fuel == "diesel") + chance.normal(0, 0.5, rows)).round(1)
    price = 3000 + 85 * power + 2.5 * weight + premium[make] + 2500 * (body == "convertible")
    price = (price * numpy.exp(chance.normal(0, 0.08, rows))).round(-1)
    table = pandas.DataFrame(
        {
            "make": makes[make],
            "body": body,
            "fuel": fuel,
            "doors": doors,
            "engine_litres": engine,
            "horsepower": power,
            "weight_kg": weight,
            "litres_per_100_km": consumption,
            "price": price,
        }
    )
    table.loc[chance.random(rows) < 0.04, "horsepower"] = numpy.nan
    return table


def _incomes() -> pandas.DataFrame:
    """Generated: whether somebody earns more than 50,000 follows school, age, hours and work."""
    import numpy
    import pandas

    chance, rows = _chance(2), 3000
    schools = numpy.array(["none", "primary", "secondary", "college", "university"])
    school = chance.choice(len(schools), rows, p=[0.05, 0.15, 0.4, 0.2, 0.2])
    age = chance.integers(17, 80, rows)
    hours = chance.normal(38, 11, rows).clip(2, 90).round()
    work = chance.choice(
        ["private", "public", "self-employed", "without pay"], rows, p=[0.7, 0.15, 0.12, 0.03]
    )
    married = chance.random(rows) < 0.5
    score = -6.2 + 0.95 * school + 0.06 * hours - 0.0022 * (age - 50) ** 2 + 1.1 * married
    score = score + 0.5 * (work == "self-employed") - 3 * (work == "without pay")
    table = pandas.DataFrame(
        {
            "age": age,
            "education": schools[school],
            "work": work,
            "marital_status": numpy.where(married, "married", "single"),
            "hours_per_week": hours,
            "income": numpy.where(_happens(chance, score), ">50K", "<=50K"),
        }
    )
    table.loc[chance.random(rows) < 0.03, "work"] = None
    return table


def _churn() -> pandas.DataFrame:
    """Generated: customers leave after short contracts, many complaints and high bills."""
    import numpy
    import pandas

    chance, rows = _chance(3), 2000
    months = chance.exponential(24, rows).clip(1, 72).round()
    contract = chance.choice(["monthly", "one year", "two years"], rows, p=[0.55, 0.25, 0.2])
    charge = chance.normal(65, 25, rows).clip(15, 130).round(2)
    calls = chance.poisson(1.2, rows)
    internet = chance.choice(["fibre", "dsl", "none"], rows, p=[0.45, 0.35, 0.2])
    score = -1.4 - 0.05 * months + 0.018 * charge + 0.55 * calls + 1.1 * (contract == "monthly")
    joined = pandas.Timestamp("2026-06-01") - pandas.to_timedelta(months * 30, unit="D")
    return pandas.DataFrame(
        {
            "customer_id": [f"C{number:05d}" for number in range(rows)],
            "joined": joined,
            "months": months,
            "contract": contract,
            "internet": internet,
            "monthly_charge": charge,
            "complaints": calls,
            "churned": numpy.where(_happens(chance, score - 0.6), "yes", "no"),
        }
    )


_GOOD = "tasty wonderful friendly fresh quick lovely generous warm superb delicious".split()
_BAD = "cold rude slow bland stale noisy dirty greasy awful overpriced".split()
_THINGS = "food soup service staff place coffee bread dinner table music".split()
_FILLERS = "was quite very really rather and the a bit we found it".split()


def _reviews() -> pandas.DataFrame:
    """Generated: short reviews of restaurants from words that are more or less kind."""
    import pandas

    chance, rows = _chance(4), 900
    texts, moods = [], []
    for _ in range(rows):
        is_good = chance.random() < 0.5
        words = []
        for _ in range(int(chance.integers(3, 7))):
            usual, other = (_GOOD, _BAD) if is_good else (_BAD, _GOOD)
            kind = usual if chance.random() < 0.8 else other
            words += [_of(chance, _THINGS), _of(chance, _FILLERS), _of(chance, kind)]
        texts.append(" ".join(words).capitalize() + ".")
        moods.append("good" if is_good else "bad")
    return pandas.DataFrame({"review": texts, "mood": moods})


def _of(chance: Generator, words: list[str]) -> str:
    return words[int(chance.integers(0, len(words)))]


def _happens(chance: Generator, score: Any) -> NDArray[Any]:
    import numpy

    return chance.random(len(score)) < 1 / (1 + numpy.exp(-score))


SAMPLE_TABLES: dict[str, Callable[[], pandas.DataFrame]] = {
    "automobiles": _automobiles,
    "incomes": _incomes,
    "crashes": _crashes,
    "churn": _churn,
    "reviews": _reviews,
}
