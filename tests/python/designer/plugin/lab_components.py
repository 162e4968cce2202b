"""Components that another package brings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field

from tandemlab.designer import Component, ComponentParameters, Port, code_in, column_of
from tandemlab.domain.jobs import place_variable
from tandemlab.domain.pipelines import Function


class Average(Component):
    """Learns the average of a column."""

    name = "average"
    title = "Average"
    category = "Lab"
    inputs = {"data": Port("table", "What is learned from.")}
    outputs = {"model": Port("model", "What is known of the average.")}

    class Parameters(ComponentParameters):
        """What is averaged."""

        column: str = column_of("data", description="The column.")
        digits: int = Field(2, ge=0, description="How many digits are kept.")

    def run(self, data: Any) -> Any:
        """The average, as a model."""
        given = self.parameters
        return {
            "column": given.column,
            "average": round(float(data[given.column].mean()), given.digits),
        }


class DescribeAverage(Component):
    """Says what an average is, in a report."""

    name = "describe_average"
    title = "Describe average"
    category = "Lab"
    inputs = {"model": Port("model", "An average."), "data": Port("table", "Rows.", optional=True)}
    outputs = {"report": Port("report", "What it is."), "data": Port("table", "The same rows.")}

    def run(self, model: Any, data: Any = None) -> dict[str, Any]:
        """The report, and the rows, or a row of the average without them."""
        import pandas

        values = {"average": model["average"], "unknown": float("nan")}
        block = {"type": "metrics", "title": model["column"], "values": values}
        rows = pandas.DataFrame([model]) if data is None else data
        return {"report": {"blocks": [block]}, "data": rows}


class ReadLines(Component):
    """Reads the lines of a file that is no port, and keeps a copy of it."""

    name = "read_lines"
    title = "Read lines"
    category = "Lab"
    outputs = {"lines": Port("table", "A row for each line.")}

    class Parameters(ComponentParameters):
        """Which file."""

        path: str = Field(description="The file.")

    def settings(self) -> dict[str, Any]:
        """The file, and where the copy goes."""
        return {
            "inputs": {"file": self.parameters.path},
            "outputs": {"copy": "file"},
            "allow_reuse": False,
        }

    def run(self) -> Any:
        """The lines."""
        import pandas

        text = Path(os.environ[place_variable("inputs", "file")]).read_text()
        Path(os.environ[place_variable("outputs", "copy")]).write_text(text)
        return pandas.DataFrame({"line": text.splitlines()})


class Evaluate(Component):
    """Evaluates an expression of Python on a table, by a function of its own."""

    name = "evaluate_expression"
    title = "Evaluate expression"
    category = "Lab"
    inputs = {"data": Port("table", "What the expression knows.")}
    outputs = {"value": Port("json", "What comes out.")}

    class Parameters(ComponentParameters):
        """What is evaluated."""

        expression: str = code_in("python", "len(data)", description="The expression.")

    def function(self) -> Function:
        """The function."""
        code = f"def evaluate(data):\n    return {self.parameters.expression}\n"
        return Function("python", "evaluate", code)

    def run(self, data: Any) -> Any:
        """Not called."""
        raise NotImplementedError


def scale() -> None:
    """No component."""
