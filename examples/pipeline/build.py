"""The two pipelines, built in Python; build.R builds the same.

.venv/bin/python examples/pipeline/build.py          all people
.venv/bin/python examples/pipeline/build.py 2000     the first 2,000
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tandemlab import Datastore, Workspace
from tandemlab.pipelines import (
    Pipeline,
    PipelineParameter,
    PublishedPipeline,
    PythonFunctionStep,
    PythonScriptStep,
    RScriptStep,
    StepOutput,
)
from tandemlab.schedules import Schedule, ScheduleRecurrence

HERE = Path(__file__).resolve().parent

FEATURES = {
    "person": "integer",
    "dvcat": "string",
    "seatbelt": "string",
    "sex": "string",
    "airbag": "string",
    "occRole": "string",
    "frontal": "integer",
    "ageOFocc": "integer",
    "yearVeh": "integer",
}
OUTCOME = {"dead": "string", "split": "string"}
RISKS = {"person": "integer", "risk": "double"}


def train_pipeline() -> Pipeline:
    """Python cleans, R and Python fit, and the better model is registered."""
    raw = PipelineParameter("raw", "../../accidents/nassCDS.csv")
    rows = PipelineParameter("rows", 0, description="Only the first so many; 0 for all.")
    clean = PythonScriptStep(
        "clean.py",
        arguments={"raw": "${inputs.raw}", "rows": rows, "people": "${outputs.people}"},
        source_directory="models",
        inputs={"raw": raw},
        outputs={"people": StepOutput("table", columns={**FEATURES, **OUTCOME})},
    )
    words = {"people": clean.output(), "model": "${outputs.model}", "risks": "${outputs.risks}"}
    outputs = {"model": "model", "risks": StepOutput("table", columns=RISKS)}
    fit_r = RScriptStep(
        "fit.R", "fit_r", arguments=words, source_directory="models", outputs=outputs
    )
    fit_python = PythonScriptStep(
        "fit.py", "fit_python", arguments=words, source_directory="models", outputs=outputs
    )
    compare = PythonScriptStep(
        "compare.py",
        arguments={
            "people": clean.output(),
            "risks-r": "${inputs.risks_r}",
            "model-r": "${inputs.model_r}",
            "risks-python": "${inputs.risks_python}",
            "model-python": "${inputs.model_python}",
            "best": "${outputs.best}",
            "comparison": "${outputs.comparison}",
        },
        source_directory="models",
        inputs={
            "risks_r": fit_r.output("risks"),
            "model_r": fit_r.output("model"),
            "risks_python": fit_python.output("risks"),
            "model_python": fit_python.output("model"),
        },
        outputs={
            "best": StepOutput("model", register_as="crash-deaths"),
            "comparison": "json",
        },
    )
    return Pipeline([compare], name="train", description="Who dies in a crash? The better model.")


def about_model(model: str) -> dict[str, object]:
    import json

    with open(f"{model}/about.json") as file:
        return json.load(file)


def score_pipeline() -> Pipeline:
    """Whichever language the newest model is of says the risks of new people."""
    new = PipelineParameter("new", type="string", description="Files of new people.")
    model = {"model": "crash-deaths"}
    clean = PythonScriptStep(
        "clean.py",
        arguments=["--new", "--raw", "${inputs.raw}", "--people", "${outputs.people}"],
        source_directory="models",
        inputs={"raw": {"dataset": new}},
        outputs={"people": StepOutput("table", columns=FEATURES)},
    )
    about = PythonFunctionStep(
        about_model, "about", inputs={"model": model}, outputs={"facts": "json"}
    )
    words = {"people": clean.output(), "model": "${inputs.model}", "scores": "${outputs.scores}"}
    scores = StepOutput("table", columns=RISKS, datastore="crashes", path="scores/{run-id}")
    in_r = RScriptStep(
        "score.R",
        "score_r",
        arguments=words,
        source_directory="models",
        inputs={"model": model},
        outputs={"scores": scores},
        when="outputs.about.facts.language = 'R'",
    )
    in_python = PythonScriptStep(
        "score.py",
        "score_python",
        arguments=words,
        source_directory="models",
        inputs={"model": model},
        outputs={"scores": scores},
        when="outputs.about.facts.language = 'Python'",
    )
    return Pipeline([about, in_r, in_python], name="score", description="The risks of new people.")


def main(rows: int = 0) -> None:
    """Publish, train by name, and have both run by themselves."""
    os.chdir(HERE)
    workspace = Workspace.ensure("lab")
    Path("crashes", "new").mkdir(parents=True, exist_ok=True)
    Datastore.register_folder(workspace, "crashes", "crashes")
    train_pipeline().publish(workspace)
    run = PublishedPipeline.get(workspace, "train").submit(pipeline_parameters={"rows": rows})
    run.wait_for_completion(show_output=True)
    print(run.get_output("compare", "comparison"))

    score_pipeline().publish(workspace)
    monday = ScheduleRecurrence(
        "Week", week_days=["Monday"], time_of_day="06:30", time_zone="Europe/Berlin"
    )
    weekly = Schedule.create(workspace, "weekly", "train", recurrence=monday, exist_ok=True)
    rescore = Schedule.create(
        workspace,
        "rescore",
        "score",
        datastore="crashes",
        path_on_datastore="new/*.csv",
        data_path_parameter_name="new",
        exist_ok=True,
    )
    print(weekly, rescore, sep="\n")
    print("Put a file with the columns of nassCDS.csv into crashes/new to have it scored.")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
