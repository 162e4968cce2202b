"""Components that find rows unlike the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tandemlab.designer import reports
from tandemlab.designer.component import (
    Columns,
    Component,
    ComponentParameters,
    Port,
    check_columns,
    column_of,
)
from tandemlab.designer.learning import UnlabeledModel

if TYPE_CHECKING:
    import pandas

SCORE = "anomaly_score"
IS_ANOMALY = "is_anomaly"


class AnomalyModel(UnlabeledModel):
    """What rows usually are."""

    def score(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The rows with ``anomaly_score``, above 0 where ``is_anomaly`` is true."""
        import numpy

        values = numpy.empty(0)
        if len(frame):
            values = -self.estimator.decision_function(self.numbers(frame))
        return frame.assign(**{SCORE: values, IS_ANOMALY: values > 0})


class AnomalyDetection(Component):
    """Finds rows unlike the others, such as fraud or faults, without examples of them.

    isolation_forest asks how few questions set a row apart, one_class_svm learns a border around
    what is usual, local_outlier compares how dense it is around a row and around its neighbours.
    The model scores other rows by Score model.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": [1.0, 1.1, 0.9, 1.05, 0.95, 30.0] * 5})
    >>> made = AnomalyDetection(share=0.1).run(rows)
    >>> made["data"].sort_values("anomaly_score")["x"].iloc[-1].item()
    30.0
    """

    name = "anomaly_detection"
    title = "Anomaly detection"
    category = "Anomaly detection"
    keywords = ("outlier", "fraud", "isolation forest", "novelty")
    inputs = {"data": Port("table", "Rows to learn from.")}
    outputs = {
        "model": Port("model", "For Score model."),
        "data": Port("table", "The rows with their scores."),
        "report": Port("report", "How the scores are spread."),
    }

    class Parameters(ComponentParameters):
        """How it is looked for."""

        method: Literal["isolation_forest", "one_class_svm", "local_outlier"] = Field(
            "isolation_forest", description="What is learned."
        )
        share: float = Field(
            0.05, gt=0, le=0.5, description="Share of the rows that are taken to be unlike."
        )
        columns: list[str] = column_of("data", [], description="Columns; empty for all.")
        seed: int = Field(0, ge=0, description="Equal seeds give equal models.")

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The model, and the scores of the rows."""
        import numpy

        given = self.parameters
        check_columns(data, given.columns)
        used = data[given.columns] if given.columns else data
        model = AnomalyModel.fit(self._estimator(), used)
        made = model.score(data)
        counts, edges = numpy.histogram(made[SCORE], bins=20)
        middles = (edges[1:] + edges[:-1]) / 2
        report = reports.report(
            reports.metrics("Anomalies", {"anomalies": float(made[IS_ANOMALY].sum())}),
            reports.bars("Scores", [f"{each:.3g}" for each in middles], counts),
        )
        return {"model": model, "data": made, "report": report}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """Those of the table, and two more."""
        known = inputs.get("data")
        more = {SCORE: "float64", IS_ANOMALY: "bool"}
        return {"data": None if known is None else {**known, **more}}

    def _estimator(self) -> Any:
        from sklearn.ensemble import IsolationForest
        from sklearn.neighbors import LocalOutlierFactor
        from sklearn.svm import OneClassSVM

        given = self.parameters
        if given.method == "one_class_svm":
            return OneClassSVM(nu=given.share)
        if given.method == "local_outlier":
            return LocalOutlierFactor(novelty=True, contamination=given.share)
        return IsolationForest(contamination=given.share, random_state=given.seed)
