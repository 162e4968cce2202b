"""Inference pipelines: the path of a trained pipeline from rows to predictions, as a model.

What was learned in the run (models, transformations) is kept as it is, what only parts or samples
rows is passed over, and the rest is done to each request in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tandemlab.designer.component import Component
from tandemlab.designer.drafts import Draft, check_new_name
from tandemlab.designer.learning import LABEL, PROBABILITY
from tandemlab.designer.lowering import component_of
from tandemlab.designer.registry import find_component
from tandemlab.designer.values import read_value, write_value
from tandemlab.domain import InvalidInput, InvalidState
from tandemlab.domain.asset_names import check_asset_name
from tandemlab.domain.pipeline_plans import Plan
from tandemlab.pipelines.pipeline import Pipeline

if TYPE_CHECKING:
    import pandas

    from tandemlab.domain.pipelines import Step, StepInput
    from tandemlab.models import Model
    from tandemlab.pipelines import PipelineRun
    from tandemlab.services import LocalWebservice

INPUT, OUTPUT = "web_service_input", "web_service_output"
_SCORING = ("score_model", "assign_data_to_clusters")
# What parts or samples rows to train with; requests pass.
_PASSED_OVER = ("split_data", "partition_and_sample", "remove_duplicates", INPUT, OUTPUT)
_SAMPLE_ROWS = 5


@dataclass
class _Link:
    """One thing that is done to a request.

    Attributes:
        component: what does it; None for a transformation that was learned.
        port: by which the rows go in.
        held: the values of its other ports.
        output: by which they come out.
    """

    name: str
    component: Component | None
    port: str
    held: dict[str, Any]
    output: str

    def apply(self, rows: pandas.DataFrame) -> pandas.DataFrame:
        if self.component is None:
            return self.held["transformation"].transform(rows)
        made = self.component.run(**{**self.held, self.port: rows})
        return made[self.output] if len(self.component.outputs) > 1 else made


@dataclass
class InferencePipeline:
    """What is done to rows until they have their predictions; a model with ``predict``.

    Attributes:
        columns: those that rows must have, with their types (as pandas names them).
        optional: those of them that may be missing, such as the label.
        links: what is done, in order.
    """

    columns: Mapping[str, str]
    optional: Sequence[str]
    links: list[_Link] = field(repr=False)

    def score(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        """The rows with what is predicted.

        Raises:
            InvalidInput: a column is missing, or of another type than it was.
        """
        rows = self._completed(frame)
        for link in self.links:
            rows = link.apply(rows)
        return rows

    def predict(self, frame: pandas.DataFrame) -> list[dict[str, Any]]:
        """A record for each row: ``scored_label`` and the like, without what came in."""
        scored = self.score(frame)
        made = [name for name in scored.columns if name not in frame.columns]
        said = [name for name in made if str(name).startswith((LABEL, PROBABILITY))]
        return scored[said or made or list(scored.columns)].to_dict("records")

    def _completed(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        missing = [name for name in self.columns if name not in frame.columns]
        wrong = [name for name in missing if name not in self.optional]
        if wrong:
            raise InvalidInput(
                f"The rows lack {len(wrong)} of the columns that the pipeline takes: "
                f"{', '.join(wrong[:10])}.",
                hint=f"They are {', '.join(self.columns)}.",
                details={"missing": wrong},
            )
        import pandas

        typed = {}
        for name, kind in self.columns.items():
            values = frame[name] if name in frame.columns else pandas.Series(None, frame.index)
            if str(values.dtype) != kind:
                values = _as_kind(values, kind)
            typed[name] = values
        return pandas.DataFrame(typed, index=frame.index)


def _as_kind(values: pandas.Series, kind: str) -> pandas.Series:
    """A column of a request in the type of the training data, as far as that goes."""
    try:
        return values.astype("Int64" if kind.startswith("int") else kind)  # type: ignore[call-overload]
    except (ValueError, TypeError):
        return values  # what takes it says what is wrong with it


def inference_pipeline(run: PipelineRun, step: str | None = None) -> InferencePipeline:
    """The path of a trained pipeline from rows to predictions.

    It ends at the component ``web_service_output``, or else at the only one that scores, and begins
    at ``web_service_input``, or else where data come in. Of components with several tables the
    first is on the path; the others are held as they were in the run.

    Args:
        run: a completed run of a pipeline of components.
        step: where it ends, if several would do.

    Raises:
        InvalidState: the run has not completed.
        InvalidInput: there is no such path, or more than one; the message says what is in its way.
    """
    if run.status.value != "Completed":
        raise InvalidState(f"The run {run.id} is {run.status.value}, and has to be Completed.")
    steps = run.pipeline.graph.steps
    end = _end_of(steps, step)
    links: list[_Link] = []
    name, given = end, None
    while True:
        link, given = _link_of(run, name, steps[name])
        if link is not None:
            links.insert(0, link)
        if given is None or _component_name(steps[name]) == INPUT:
            break
        assert given.step is not None
        name = given.step
        if not _has_rows(steps[name]):
            break
    source = (name, "data") if given is None else (given.step or "", given.output or "")
    rows: pandas.DataFrame = run.get_output(*source)
    return InferencePipeline(
        {str(key): str(kind) for key, kind in rows.dtypes.items()}, _labels_of(links, rows), links
    )


def _end_of(steps: Mapping[str, Step], wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in steps:
            raise InvalidInput(f"The pipeline has no step {wanted!r}.")
        return wanted
    for names in ((OUTPUT,), _SCORING):
        found = [key for key, each in steps.items() if _component_name(each) in names]
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidInput(
                f"{len(found)} steps could answer: {', '.join(found)}.",
                hint="Name the one that does, or put a Web service output behind it.",
            )
    raise InvalidInput(
        "No step scores, so there is nothing to answer with.",
        hint="Add Score model to the pipeline, and run it.",
    )


def _component_name(step: Step) -> str | None:
    return None if step.component is None else step.component.name


def _has_rows(step: Step) -> bool:
    """Whether rows come into a step, and not only out of it."""
    return step.component is None or any(
        port.kind == "table" for port in find_component(step.component.name).inputs.values()
    )


def _link_of(run: PipelineRun, name: str, step: Step) -> tuple[_Link | None, StepInput | None]:
    """What a step does to a request, and where its rows come from; None for nothing."""
    component = component_of(step, Plan.of(run.record.definition).parameters)
    if component is None:
        raise InvalidInput(
            "A step that is no component of the designer is on the path from data to predictions.",
            hint="Name a step behind which there are components alone.",
        )
    tables = [key for key, port in component.inputs.items() if port.kind == "table"]
    port = next((key for key in tables if key in step.inputs), None)
    if port is None:
        return None, None
    given = step.inputs[port]
    if component.name in _PASSED_OVER:
        return None, given
    if "transformation" in component.outputs:
        fitted = _value(run, name, "transformation", "transformation")
        return _Link(name, None, port, {"transformation": fitted}, "data"), given
    held = {
        key: _value(run, each.step, each.output, component.inputs[key].kind)
        for key, each in step.inputs.items()
        if key != port and key in component.inputs
    }
    outputs = [key for key, each in component.outputs.items() if each.kind == "table"]
    return _Link(name, component, port, held, outputs[0]), given


def _value(run: PipelineRun, step: str | None, output: str | None, kind: str) -> Any:
    if step is None or output is None:
        raise InvalidInput("What goes into the path must come from steps of the pipeline.")
    _, path = run.find_output(step, output)
    return read_value(kind, path)


def _labels_of(links: Sequence[_Link], rows: pandas.DataFrame) -> list[str]:
    """Columns that rows need not have: those that models predict."""
    models = [link.held["model"] for link in links if "model" in link.held]
    labels = {str(getattr(model, "label", "")) for model in models}
    return [str(name) for name in rows.columns if name in labels]


def register_inference_pipeline(run: PipelineRun, name: str, step: str | None = None) -> Model:
    """Keep the path from rows to predictions as the next version of a model.

    The model answers requests by ``predict``, is scored by the component Score model, and knows
    rows of the run as its sample.

    Args:
        run: as for `inference_pipeline`.
        name: of the model.
        step: likewise.
    """
    from tandemlab.models import Model

    made = inference_pipeline(run, step)
    sample = _sample_of(run, made)
    with TemporaryDirectory(prefix="tandemlab-inference-") as folder:
        write_value("model", made, folder)
        return Model.register(
            run.workspace,
            Path(folder, "model.joblib"),
            name,
            description=f"Answers as the pipeline of the run {run.id}",
            model_framework="tandemlab",
            properties={"pipeline_run": run.id},
            sample_input_dataset=sample,
        )


def _sample_of(run: PipelineRun, made: InferencePipeline) -> pandas.DataFrame:
    """Some rows as requests have them."""
    columns = [name for name in made.columns if name not in made.optional]
    for step in run.pipeline.graph.order:
        for output, each in run.pipeline.graph.steps[step].outputs.items():
            if each.type == "table":
                rows: pandas.DataFrame = run.get_output(step, output)
                if set(columns) <= set(rows.columns):
                    return _with_missing(rows[columns])
    raise InvalidInput("No table of the run has the columns that requests must have.")


def _with_missing(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The first rows, the last of them without the values that are missing in some row."""
    sample = rows.head(_SAMPLE_ROWS).copy()
    for place, name in enumerate(sample.columns):
        if rows[name].isna().any() and sample[name].notna().all():
            sample.iloc[-1, place] = None
    return sample


def deploy_pipeline_run(
    run: PipelineRun, name: str, step: str | None = None, *, overwrite: bool = False
) -> LocalWebservice:
    """Have a trained pipeline answer requests on this machine, as a service of that name.

    Args:
        run: as for `inference_pipeline`.
        name: of the service, and of the model that it becomes.
        step: as for `inference_pipeline`.
        overwrite: whether a service of that name is replaced.
    """
    from tandemlab.services import deploy_model

    model = register_inference_pipeline(run, name, step)
    return deploy_model(run.workspace, name, [model], overwrite=overwrite)


def create_batch_draft(
    run: PipelineRun, name: str, dataset: str, register_as: str, step: str | None = None
) -> Draft:
    """A new draft that scores a registered dataset as a trained pipeline does.

    It is run, published and scheduled as any draft is.

    Args:
        run: as for `inference_pipeline`.
        name: of the draft, and of the model that it uses.
        dataset: ``NAME``, which means the newest version whenever it runs, or ``NAME:VERSION``.
        register_as: name of the dataset that the scored rows become.
        step: as for `inference_pipeline`.

    Raises:
        AlreadyExists: there is a draft of that name.
        NotFound: there is no such dataset.
        InvalidInput: a name cannot be one, or as for `inference_pipeline`.
    """
    from tandemlab.data import Dataset

    workspace = run.workspace
    check_new_name(workspace, name)
    check_asset_name(register_as, kind="dataset")
    Dataset.get_by_name(workspace, dataset)
    model = register_inference_pipeline(run, name, step)
    pipeline = batch_pipeline(run, model, dataset, register_as)
    return Draft.create(workspace, name, pipeline, description=pipeline.graph.description)


def batch_pipeline(run: PipelineRun, model: Model, dataset: str, register_as: str) -> Pipeline:
    """A pipeline that scores a registered dataset by an inference pipeline, and keeps the result.

    Args:
        model: of `register_inference_pipeline`.
        dataset: ``NAME``, which means the newest version whenever it runs, or ``NAME:VERSION``.
        register_as: name of the dataset that the scored rows become.
    """
    from tandemlab.designer.steps import ComponentStep

    rows = ComponentStep("rows", "dataset", {"dataset": dataset})
    scored = ComponentStep(
        "score", "score_model", inputs={"model": {"model": model.id}, "data": rows.output()}
    )
    keep = ComponentStep(
        "keep", "export_data", {"register_as": register_as}, inputs={"data": scored.output()}
    )
    return Pipeline([keep], description=f"Scores as the pipeline of the run {run.id}")
