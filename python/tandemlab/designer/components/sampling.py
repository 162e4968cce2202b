"""Components that part the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tandemlab.designer.component import (
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)

if TYPE_CHECKING:
    import pandas


class SplitData(Component):
    """Splits the rows of a table in two, for instance one to train with and one to test with.

    With a column to stratify by, each of its values has the same share of both tables, as far as
    whole rows allow.

    >>> import pandas
    >>> split = SplitData(fraction=0.75).run(pandas.DataFrame({"x": range(8)}))
    >>> len(split["first"]), len(split["second"])
    (6, 2)
    """

    name = "split_data"
    title = "Split data"
    category = "Sampling"
    keywords = ("train", "test", "partition", "holdout")
    inputs = {"data": Port("table", "What is split.")}
    outputs = {"first": Port("table", "The share asked for."), "second": Port("table", "The rest.")}

    class Parameters(ComponentParameters):
        """How the rows are split."""

        fraction: float = Field(0.7, ge=0, le=1, description="Share of rows in the first table.")
        shuffle: bool = Field(True, description="Whether rows are drawn at random.")
        stratify_by: str | None = column_of(
            "data", None, description="Column whose values have the same share of both tables."
        )
        seed: int = Field(0, ge=0, description="Equal seeds draw equal rows.")

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """Both tables, rows in their former order."""
        import numpy

        given = self.parameters
        chance = numpy.random.default_rng(given.seed)
        taken = numpy.zeros(len(data), dtype=bool)
        for rows in groups_of(data, given.stratify_by):
            drawn = chance.permutation(rows) if given.shuffle else rows
            taken[drawn[: round(len(rows) * given.fraction)]] = True
        return {"first": data[taken], "second": data[~taken]}


class PartitionAndSample(Component):
    """Takes some rows of a table, or says for each row to which part it belongs.

    sample draws a share of the rows at random, head takes the first ones, and folds adds a column
    ``fold`` with the number of the part, from 1 on, of about equal size. With a column to stratify
    by, each of its values is in all parts alike.

    >>> import pandas
    >>> parts = PartitionAndSample(mode="folds", folds=2).run(pandas.DataFrame({"x": range(4)}))
    >>> sorted(parts["fold"])
    [1, 1, 2, 2]
    """

    name = "partition_and_sample"
    title = "Partition and sample"
    category = "Sampling"
    keywords = ("folds", "head", "random", "subset")
    inputs = {"data": Port("table", "What is sampled.")}
    outputs = {"data": Port("table", "The rows.")}

    class Parameters(ComponentParameters):
        """Which rows."""

        mode: Literal["sample", "head", "folds"] = Field("sample", description="What is done.")
        fraction: float = Field(0.1, ge=0, le=1, description="Share of rows, for sample.")
        rows: int = Field(100, ge=0, description="How many rows, for head.")
        folds: int = Field(5, ge=2, le=1000, description="How many parts, for folds.")
        stratify_by: str | None = column_of(
            "data", None, description="Column whose values are in all parts alike."
        )
        seed: int = Field(0, ge=0, description="Equal seeds draw equal rows.")

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The rows, in their former order."""
        import numpy

        given = self.parameters
        if given.mode == "head":
            return data.head(given.rows)
        if given.mode == "sample":
            split = SplitData(
                fraction=given.fraction, stratify_by=given.stratify_by, seed=given.seed
            )
            return split.run(data)["first"]
        chance = numpy.random.default_rng(given.seed)
        part = numpy.zeros(len(data), dtype="int64")
        begin = 0
        for rows in groups_of(data, given.stratify_by):
            part[chance.permutation(rows)] = (begin + numpy.arange(len(rows))) % given.folds + 1
            begin += len(rows)
        return data.assign(fold=part)


def groups_of(data: pandas.DataFrame, column: str | None) -> list[Any]:
    """The places of the rows with each value of a column; all of them for None.

    Raises:
        InvalidInput: there is no such column.
    """
    import numpy

    if column is None:
        return [numpy.arange(len(data))]
    check_columns(data, [column])
    by = data.groupby(column, dropna=False, observed=True, sort=False)
    return [numpy.asarray(rows) for rows in by.indices.values()]
