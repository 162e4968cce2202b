"""Components that find groups of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from tandemlab.designer import reports
from tandemlab.designer.component import Columns, Component, ComponentParameters, Port, column_of
from tandemlab.designer.learning import UnlabeledModel
from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas

_CATEGORY = "Clustering"
CLUSTER = "cluster"
DISTANCE = "distance_to_center"


class ClusterModel(UnlabeledModel):
    """Groups of rows by their centers."""

    def score(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The rows with ``cluster``, from 1 on, and ``distance_to_center`` in scaled units."""
        import numpy

        if frame.empty:
            empty = numpy.empty(0)
            return frame.assign(**{CLUSTER: empty.astype("int64"), DISTANCE: empty})
        distances = self.estimator.transform(self.numbers(frame))
        nearest = distances.argmin(axis=1)
        return frame.assign(**{CLUSTER: nearest + 1, DISTANCE: distances.min(axis=1)})


class KMeansClustering(Component):
    """Finds groups of rows that are like each other: k-means.

    Columns become numbers by themselves, scaled so that each counts alike. The table that comes out
    has the group of each row, and how far it is from the group's center.

    >>> import pandas
    >>> rows = pandas.DataFrame({"x": [0.0, 0.1, 9.0, 9.1]})
    >>> made = KMeansClustering(clusters=2).run(rows)
    >>> made["data"]["cluster"].nunique()
    2
    """

    name = "k_means_clustering"
    title = "K-means clustering"
    category = _CATEGORY
    keywords = ("segment", "group", "unsupervised")
    inputs = {"data": Port("table", "Rows to learn from.")}
    outputs = {
        "model": Port("model", "For Assign data to clusters."),
        "data": Port("table", "The rows with their groups."),
        "report": Port("report", "How large and how clear the groups are."),
    }

    class Parameters(ComponentParameters):
        """How many groups, and by what."""

        clusters: int = Field(3, ge=2, le=1000, description="How many groups.")
        columns: list[str] = column_of("data", [], description="Columns; empty for all.")
        seed: int = Field(0, ge=0, description="Equal seeds give equal groups.")

    def run(self, data: pandas.DataFrame) -> dict[str, Any]:
        """The groups."""
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score

        from tandemlab.designer.component import check_columns

        given = self.parameters
        check_columns(data, given.columns)
        if len(data) < given.clusters:
            raise InvalidInput(f"{len(data)} rows cannot be parted in {given.clusters} groups.")
        used = data[given.columns] if given.columns else data
        means = KMeans(given.clusters, n_init=10, random_state=given.seed)
        model = ClusterModel.fit(means, used)
        made = model.score(data)
        sizes = made[CLUSTER].value_counts().sort_index()
        metrics = {"inertia": float(means.inertia_)}
        if 1 < len(sizes) < len(data):
            sample = min(2000, len(data))
            metrics["silhouette"] = float(
                silhouette_score(
                    model.numbers(data), made[CLUSTER], sample_size=sample, random_state=0
                )
            )
        report = reports.report(
            reports.metrics("Groups", metrics),
            reports.bars("Rows", [f"group {number}" for number in sizes.index], sizes),
        )
        return {"model": model, "data": made, "report": report}

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """Those of the table, and two more."""
        known = inputs.get("data")
        more = {CLUSTER: "int64", DISTANCE: "float64"}
        return {"data": None if known is None else {**known, **more}}


class AssignDataToClusters(Component):
    """Says for each row to which group of a model it belongs.

    >>> import pandas
    >>> model = KMeansClustering(clusters=2).run(pandas.DataFrame({"x": [0.0, 1.0, 8.0]}))["model"]
    >>> AssignDataToClusters().run(model, pandas.DataFrame({"x": [8.1]}))["cluster"].size
    1
    """

    name = "assign_data_to_clusters"
    title = "Assign data to clusters"
    category = _CATEGORY
    keywords = ("predict", "segment")
    inputs = {
        "model": Port("model", "From K-means clustering."),
        "data": Port("table", "Rows with the columns that it learned from."),
    }
    outputs = {"data": Port("table", "The rows with their groups.")}

    def run(self, model: ClusterModel, data: pandas.DataFrame) -> pandas.DataFrame:
        """The rows with their groups."""
        if not isinstance(model, ClusterModel):
            raise InvalidInput(
                "The model has no groups.", hint="Connect the model of K-means clustering."
            )
        return model.score(data)
