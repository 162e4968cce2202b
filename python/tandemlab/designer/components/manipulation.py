"""Components that change columns and rows of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    code_in,
    column_of,
)
from tandemlab.designer.transformations import Filling, Transformation, numbers
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas

_IN = {"data": Port("table", "What is changed.")}
_OUT = {"data": Port("table", "The changed table.")}
_CATEGORY = "Data transformation"


class SelectColumns(Component):
    """Keeps some columns of a table, or all but some, in the order of the table.

    Columns are chosen by name, by what they hold, or by a pattern; what one of these chooses is
    chosen.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": [1], "y": [2.0], "town": ["a"]})
    >>> list(SelectColumns(columns=["town"], types=["integer"]).run(rows).columns)
    ['x', 'town']
    """

    name = "select_columns"
    title = "Select columns"
    category = _CATEGORY
    keywords = ("project", "keep", "drop", "exclude")
    inputs = _IN
    outputs = _OUT

    class Parameters(ComponentParameters):
        """Which columns."""

        columns: list[str] = column_of("data", [], description="Columns by name.")
        types: list[
            Literal["integer", "double", "string", "boolean", "datetime", "categorical"]
        ] = Field([], description="Columns that hold such values.")
        pattern: str = Field("", description="Columns whose names match this regular expression.")
        exclude: bool = Field(False, description="Keep all but these.")

        @model_validator(mode="after")
        def _chooses(self) -> Any:
            import re

            if not (self.columns or self.types or self.pattern):
                raise ValueError("choose columns, types or a pattern")
            try:
                re.compile(self.pattern)
            except re.error as problem:
                raise ValueError(f"the pattern cannot be read: {problem}") from None
            return self

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The table with the columns that are kept."""
        import re

        given = self.parameters
        check_columns(data, given.columns)
        chosen = [
            name
            for name in data.columns
            if name in given.columns
            or kind_of(data[name]) in given.types
            or (given.pattern and re.search(given.pattern, str(name)))
        ]
        if given.exclude:
            chosen = [name for name in data.columns if name not in chosen]
        return data[chosen]


def kind_of(values: pandas.Series) -> str:
    """What a column holds, in the words of a pipeline's columns.

    >>> import pandas
    >>> kind_of(pandas.Series([1.5])), kind_of(pandas.Series(["a"]))
    ('double', 'string')
    """
    import pandas
    from pandas.api import types

    kind = values.dtype
    if isinstance(kind, pandas.CategoricalDtype):
        return "categorical"
    if types.is_bool_dtype(kind):
        return "boolean"
    if types.is_datetime64_any_dtype(kind):
        return "datetime"
    if types.is_integer_dtype(kind):
        return "integer"
    return "double" if types.is_numeric_dtype(kind) else "string"


class EditMetadata(Component):
    """Renames columns, and changes what they hold.

    A value that cannot be of the new type becomes missing, or is an error.

    >>> import pandas
    >>> edit = EditMetadata(columns=["x"], type="double", rename=["price"])
    >>> edit.run(pandas.DataFrame({"x": ["1.5", "2"]}))["price"].tolist()
    [1.5, 2.0]
    """

    name = "edit_metadata"
    title = "Edit metadata"
    category = _CATEGORY
    keywords = ("rename", "type", "cast", "convert", "categorical")
    inputs = _IN
    outputs = _OUT

    class Parameters(ComponentParameters):
        """Which columns, and what they become."""

        columns: list[str] = column_of("data", min_length=1, description="Columns to edit.")
        type: Literal[
            "unchanged", "integer", "double", "string", "boolean", "datetime", "categorical"
        ] = Field("unchanged", description="What they hold afterwards.")
        rename: list[str] = Field([], description="New names, in the same order; empty for none.")
        on_error: Literal["missing", "error"] = Field(
            "error", description="What becomes of values that cannot be of the type."
        )

        @model_validator(mode="after")
        def _fits(self) -> Any:
            if self.rename and len(self.rename) != len(self.columns):
                raise ValueError("rename has another length than columns")
            return self

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The edited table."""
        given = self.parameters
        check_columns(data, given.columns)
        made = data
        if given.type != "unchanged":
            made = data.assign(**{name: self._converted(data[name]) for name in given.columns})
        new = dict(zip(given.columns, given.rename, strict=False))
        names = [new.get(name, name) for name in made.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInput(f"Two columns would have the name {', '.join(map(repr, twice))}.")
        return made.rename(columns=new)

    def _converted(self, values: pandas.Series) -> pandas.Series:
        import pandas

        from tandemlab.automl.featurizer import as_texts

        kind = self.parameters.type
        if kind in ("string", "categorical"):
            texts = as_texts(values)
            return texts.astype("string" if kind == "string" else "category")
        found: pandas.Series
        if kind == "datetime":
            found = pandas.to_datetime(values, errors="coerce", utc=False)
        elif kind == "boolean":
            known = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
            texts = as_texts(values)
            found = texts.map(lambda each: known.get(str(each).lower()), na_action="ignore")
            found = found.astype("boolean")
        else:
            found = pandas.to_numeric(values.astype(object), errors="coerce").astype("float64")
        lost = values[found.isna() & values.notna()]
        if kind == "integer":
            lost = pandas.concat([lost, values[found.notna() & (found % 1 != 0)]])
            found = found.where(found % 1 == 0).astype("Int64")
        if len(lost) and self.parameters.on_error == "error":
            raise InvalidInput(
                f"{values.name!r} holds {len(lost)} values that are no {kind}, the first "
                f"{lost.iloc[0]!r}.",
                hint="Have such values become missing (on_error), or clean them before.",
            )
        return found


class CleanMissingData(Component):
    """Does something about missing values: puts others there, or takes rows or columns out.

    The mean, the median or the most frequent value is learned from this table; the transformation
    puts the same values into others. Taking rows out is no transformation: of later rows an answer
    is wanted for each.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": [1.0, None, 3.0]})
    >>> CleanMissingData(mode="mean").run(rows)["data"]["x"].tolist()
    [1.0, 2.0, 3.0]
    """

    name = "clean_missing_data"
    title = "Clean missing data"
    category = _CATEGORY
    keywords = ("impute", "na", "null", "fill", "drop")
    inputs = _IN
    outputs = {
        "data": _OUT["data"],
        "transformation": Port("transformation", "For Apply transformation."),
    }

    class Parameters(ComponentParameters):
        """What is done."""

        columns: list[str] = column_of("data", [], description="Columns; empty for all.")
        mode: Literal[
            "mean", "median", "most_frequent", "constant", "drop_rows", "drop_columns"
        ] = Field(
            "most_frequent",
            description="What is put there, or what is taken out. mean and median pass over "
            "columns that hold no numbers.",
        )
        value: str = Field("0", description="What constant puts there.")
        least_share: float = Field(
            0.0, ge=0, le=1, description="Only columns in which at least this share is missing."
        )

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The clean table, and what does the same to others."""
        given = self.parameters
        check_columns(data, given.columns)
        chosen = [
            name
            for name in given.columns or data.columns
            if not len(data) or data[name].isna().mean() >= given.least_share
        ]
        if given.mode == "drop_rows":
            fitted = Filling({})
            return {"data": data.dropna(subset=chosen), "transformation": fitted}
        if given.mode == "drop_columns":
            fitted = Filling({}, [name for name in chosen if data[name].isna().any()])
        else:
            values = {name: self._value(data[name]) for name in chosen}
            fitted = Filling({name: each for name, each in values.items() if each is not None})
        return {"data": fitted.transform(data), "transformation": fitted}

    def columns(self, inputs: Mapping[str, Columns | None]) -> Mapping[str, Columns | None]:
        """They depend on the values where columns are taken out."""
        if self.parameters.mode == "drop_columns":
            return {"data": None}
        return super().columns(inputs)

    def _value(self, values: pandas.Series) -> Any:
        """What is put in; None for nothing."""
        mode, kind = self.parameters.mode, kind_of(values)
        known = values.dropna()
        if mode in ("mean", "median"):
            if kind not in ("integer", "double") or known.empty:
                return None
            return float(getattr(known, mode)())
        if mode == "most_frequent":
            return None if known.empty else known.mode().iloc[0]
        return _as_kind(self.parameters.value, kind, str(values.name))


def _as_kind(text: str, kind: str, name: str) -> Any:
    import pandas

    try:
        if kind == "datetime":
            return pandas.Timestamp(text)
        if kind == "boolean":
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        return {"integer": int, "double": float}.get(kind, str)(text)
    except (KeyError, ValueError):
        raise InvalidInput(
            f"{text!r} cannot stand in {name!r}, which holds {kind} values.",
            hint="Choose columns of one type, or another value.",
        ) from None


class JoinData(Component):
    """Puts the columns of two tables beside each other, where rows agree in key columns.

    inner keeps rows with a partner, left and right all of that table, outer all, semi the rows of
    the left table with a partner, anti those without. Missing keys agree with nothing.

    >>> import pandas
    >>> left = pandas.DataFrame({"id": [1, 2], "x": [10, 20]})
    >>> right = pandas.DataFrame({"id": [2, 3], "y": [5, 6]})
    >>> JoinData(left_keys=["id"]).run(left, right).to_dict("list")
    {'id': [2], 'x': [20], 'y': [5]}
    """

    name = "join_data"
    title = "Join data"
    category = _CATEGORY
    keywords = ("merge", "lookup", "inner", "left", "anti")
    inputs = {"left": Port("table", "The left table."), "right": Port("table", "The right table.")}
    outputs = _OUT

    class Parameters(ComponentParameters):
        """What has to agree."""

        left_keys: list[str] = column_of(
            "left", min_length=1, description="Key columns of the left table."
        )
        right_keys: list[str] = column_of(
            "right", [], description="Those of the right one, in the same order; empty if equal."
        )
        kind: Literal["inner", "left", "right", "outer", "semi", "anti"] = Field(
            "inner", description="Which rows are kept."
        )
        suffix: str = Field(
            "_right", min_length=1, description="Of columns of the right table whose names clash."
        )

        @model_validator(mode="after")
        def _fits(self) -> Any:
            if self.right_keys and len(self.right_keys) != len(self.left_keys):
                raise ValueError("right_keys has another length than left_keys")
            return self

    def run(self, left: pandas.DataFrame, right: pandas.DataFrame) -> pandas.DataFrame:
        """The joined table."""
        given = self.parameters
        keys, others = given.left_keys, given.right_keys or given.left_keys
        check_columns(left, keys, "left")
        check_columns(right, others, "right")
        known = right.dropna(subset=others)
        if given.kind in ("semi", "anti"):
            partners = known[others].drop_duplicates().set_axis(keys, axis=1)
            found = _merged(left[keys], partners, "left", keys, keys, "")
            has = (found["_merge"] == "both").to_numpy()
            return left[has if given.kind == "semi" else ~has]
        right = right if given.kind in ("right", "outer") else known
        asked = left if given.kind in ("left", "outer") else left.dropna(subset=keys)
        made = _merged(asked, right, given.kind, keys, others, given.suffix)
        return made.drop(columns="_merge")


def _merged(
    left: pandas.DataFrame,
    right: pandas.DataFrame,
    kind: str,
    keys: list[str],
    others: list[str],
    suffix: str,
) -> pandas.DataFrame:
    """pandas' merge, for which missing keys agree; here they get a number that has no partner."""
    import pandas

    mark = "__no_partner__"
    lacks = [left[keys].isna().any(axis=1), right[others].isna().any(axis=1)]
    counted = [each.cumsum().where(each, 0) for each in lacks]
    sides = [left.assign(**{mark: counted[0]}), right.assign(**{mark: -counted[1]})]
    try:
        made = sides[0].merge(
            sides[1],
            how=kind,
            left_on=[*keys, mark],
            right_on=[*others, mark],
            suffixes=("", suffix),
            indicator=True,
        )
    except (ValueError, pandas.errors.MergeError) as problem:
        raise InvalidInput(
            f"The keys cannot be compared: {problem}", hint="Give them one type by Edit metadata."
        ) from None
    return made.drop(columns=mark)


class AddRows(Component):
    """Puts the rows of one table below those of another; columns are found by name.

    A column that one table lacks is missing in its rows.

    >>> import pandas
    >>> AddRows().run(pandas.DataFrame({"x": [1]}), pandas.DataFrame({"x": [2]}))["x"].tolist()
    [1, 2]
    """

    name = "add_rows"
    title = "Add rows"
    category = _CATEGORY
    keywords = ("append", "concat", "union", "rbind")
    inputs = {"first": Port("table", "Above."), "second": Port("table", "Below.")}
    outputs = _OUT

    def run(self, first: pandas.DataFrame, second: pandas.DataFrame) -> pandas.DataFrame:
        """Both, one below the other."""
        import pandas

        return pandas.concat([first, second], ignore_index=True)


class AddColumns(Component):
    """Puts the columns of two tables of equal length beside each other.

    Columns of the second whose names the first has get ``_2``.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": [1]})
    >>> list(AddColumns().run(rows, rows).columns)
    ['x', 'x_2']
    """

    name = "add_columns"
    title = "Add columns"
    category = _CATEGORY
    keywords = ("cbind", "concat", "beside")
    inputs = {"first": Port("table", "Left."), "second": Port("table", "Right.")}
    outputs = _OUT

    def run(self, first: pandas.DataFrame, second: pandas.DataFrame) -> pandas.DataFrame:
        """Both, side by side."""
        import pandas

        if len(first) != len(second):
            raise InvalidInput(
                f"The tables have {len(first)} and {len(second)} rows.",
                hint="Join them by a key instead, or take as many rows of both.",
            )
        names: list[Any] = list(first.columns)
        for name in second.columns:
            number, new = 2, name
            while new in names:
                new, number = f"{name}_{number}", number + 1
            names.append(new)
        parts = [first.reset_index(drop=True), second.reset_index(drop=True)]
        return pandas.concat(parts, axis=1).set_axis(names, axis=1)


class RemoveDuplicates(Component):
    """Keeps one of rows that are equal in all columns, or in those chosen.

    >>> import pandas
    >>> RemoveDuplicates().run(pandas.DataFrame({"x": [1, 1, 2]}))["x"].tolist()
    [1, 2]
    """

    name = "remove_duplicates"
    title = "Remove duplicate rows"
    category = _CATEGORY
    keywords = ("distinct", "unique", "dedupe")
    inputs = _IN
    outputs = _OUT

    class Parameters(ComponentParameters):
        """What has to be equal."""

        columns: list[str] = column_of("data", [], description="Columns; empty for all.")
        keep: Literal["first", "last"] = Field("first", description="Which of them stays.")

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The table without them."""
        check_columns(data, self.parameters.columns)
        chosen = self.parameters.columns or None
        return data.drop_duplicates(chosen, keep=self.parameters.keep)


class FilterRows(Component):
    """Keeps the rows for which a condition holds, written as in SQL's WHERE.

    For instance ``age >= 18 AND town IN ('a', 'b')``; names with spaces stand in double quotes.

    >>> import pandas
    >>> FilterRows(condition="x > 1").run(pandas.DataFrame({"x": [1, 2, 3]}))["x"].tolist()
    [2, 3]
    """

    name = "filter_rows"
    title = "Filter rows"
    category = _CATEGORY
    keywords = ("where", "subset", "query")
    inputs = _IN
    outputs = _OUT

    class Parameters(ComponentParameters):
        """What has to hold."""

        condition: str = code_in("sql", "", min_length=1, description="As in SQL's WHERE.")

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The rows for which it holds."""
        row = "__row__"
        numbered = data.assign(**{row: range(len(data))})
        query = f"SELECT {row} FROM t1 WHERE ({self.parameters.condition}\n) ORDER BY {row}"
        kept = queried(query, {"t1": numbered})[row]
        return data.iloc[kept.astype("int64").tolist()]


class SortRows(Component):
    """Orders rows by columns; missing values come last, and equal rows keep their order.

    >>> import pandas
    >>> SortRows(by=["x"], descending=True).run(pandas.DataFrame({"x": [1, 3, 2]}))["x"].tolist()
    [3, 2, 1]
    """

    name = "sort_rows"
    title = "Sort rows"
    category = _CATEGORY
    keywords = ("order", "arrange")
    inputs = _IN
    outputs = _OUT

    class Parameters(ComponentParameters):
        """By what."""

        by: list[str] = column_of("data", min_length=1, description="Columns, the first first.")
        descending: bool = Field(False, description="Whether large values come first.")

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """The ordered table."""
        given = self.parameters
        check_columns(data, given.by)
        return data.sort_values(given.by, ascending=not given.descending, kind="stable")


class ApplySQL(Component):
    """Queries up to three tables by SQL (DuckDB's), as ``t1``, ``t2`` and ``t3``.

    The query sees these tables and nothing else: no files and no network.

    >>> import pandas
    >>> sql = ApplySQL(query="SELECT sum(x) AS total FROM t1")
    >>> int(sql.run(pandas.DataFrame({"x": [1, 2]}))["total"][0])
    3
    """

    name = "apply_sql"
    title = "Apply SQL transformation"
    category = _CATEGORY
    keywords = ("query", "select", "duckdb")
    inputs = {
        "t1": Port("table", "The table t1."),
        "t2": Port("table", "The table t2.", optional=True),
        "t3": Port("table", "The table t3.", optional=True),
    }
    outputs = _OUT

    class Parameters(ComponentParameters):
        """The query."""

        query: str = code_in("sql", "SELECT * FROM t1", min_length=1, description="One SELECT.")

    def run(
        self,
        t1: pandas.DataFrame,
        t2: pandas.DataFrame | None = None,
        t3: pandas.DataFrame | None = None,
    ) -> pandas.DataFrame:
        """What the query gives."""
        tables = {"t1": t1, "t2": t2, "t3": t3}
        known = {name: each for name, each in tables.items() if each is not None}
        return queried(self.parameters.query, known)


def queried(query: str, tables: Mapping[str, pandas.DataFrame]) -> pandas.DataFrame:
    """What a query of SQL gives, which sees these tables and nothing else.

    Raises:
        InvalidInput: it is not one SELECT, or DuckDB refuses it; the message has its words.
    """
    import duckdb
    import pyarrow

    from tandemlab.bridge.crossing import as_library

    with duckdb.connect(config={"threads": "1"}) as connection:
        for name, table in tables.items():
            given = pyarrow.Table.from_pandas(table, preserve_index=False)
            connection.register(f"given_{name}", given)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given_{name}")
            connection.unregister(f"given_{name}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET python_enable_replacements = false")
        connection.execute("SET lock_configuration = true")
        try:
            statements = connection.extract_statements(query)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise InvalidInput("A query is one SELECT, and nothing else.")
            found = connection.sql(query).to_arrow_table()
        except duckdb.Error as problem:
            raise InvalidInput(f"The query cannot be run: {problem}") from None
    return as_library(found, "pandas")


class GroupAndAggregate(Component):
    """Makes one row of each group of rows: sums, means, counts and the like.

    Missing values count in no aggregate, but as a group of their own.

    >>> import pandas
    >>> rows = pandas.DataFrame({"town": ["a", "a", "b"], "x": [1, 2, 5]})
    >>> GroupAndAggregate(by=["town"], columns=["x"], functions=["sum"]).run(rows).to_dict("list")
    {'town': ['a', 'b'], 'x_sum': [3, 5]}
    """

    name = "group_and_aggregate"
    title = "Group and aggregate"
    category = _CATEGORY
    keywords = ("summarise", "group by", "sum", "mean", "count")
    inputs = _IN
    outputs = _OUT

    class Parameters(ComponentParameters):
        """What the groups are, and what is computed."""

        by: list[str] = column_of("data", [], description="Columns of the groups; empty for one.")
        columns: list[str] = column_of("data", min_length=1, description="Columns to aggregate.")
        functions: list[
            Literal["count", "sum", "mean", "median", "min", "max", "std", "var", "nunique"]
        ] = Field(["mean"], min_length=1, description="What is computed of each.")

        @model_validator(mode="after")
        def _differs(self) -> Any:
            both = set(self.by) & set(self.columns)
            if both:
                raise ValueError(f"{', '.join(sorted(both))} cannot be both a group and aggregated")
            return self

    def run(self, data: pandas.DataFrame) -> pandas.DataFrame:
        """One row for each group."""
        given = self.parameters
        check_columns(data, [*given.by, *given.columns])
        of_numbers = {"sum", "mean", "median", "std", "var"} & set(given.functions)
        for name in given.columns if of_numbers else ():
            numbers(data, name)
        names = {
            f"{name}_{function}": (name, function)
            for name in given.columns
            for function in given.functions
        }
        if given.by:
            groups = data.groupby(given.by, dropna=False, observed=True, sort=True)
            return groups.agg(**names).reset_index()
        whole = data.assign(__all__=0).groupby("__all__").agg(**names)
        return whole.reset_index(drop=True)


class ApplyTransformation(Component):
    """Does to a table what was learned from another: the same filling, scaling, bins or columns.

    >>> import pandas
    >>> fitted = Filling({"x": 0})
    >>> ApplyTransformation().run(fitted, pandas.DataFrame({"x": [1.0, None]}))["x"].tolist()
    [1.0, 0.0]
    """

    name = "apply_transformation"
    title = "Apply transformation"
    category = _CATEGORY
    keywords = ("transform", "scale", "impute")
    inputs = {
        "transformation": Port("transformation", "What was learned."),
        "data": Port("table", "What is changed."),
    }
    outputs = _OUT

    def run(self, transformation: Transformation, data: pandas.DataFrame) -> pandas.DataFrame:
        """The changed table."""
        return transformation.transform(data)
