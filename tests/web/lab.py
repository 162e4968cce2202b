"""What the studio is to show: runs of all kinds, as users make them."""

from __future__ import annotations

import io
import math
import random
from pathlib import Path

from matplotlib.figure import Figure

from plugins.services import SUM
from tandemlab import Dataset, InferenceConfig, Model, Run, ScriptRunConfig, Workspace, deploy_model
from tandemlab.pipelines import Pipeline, PipelineParameter, PythonScriptStep
from tandemlab.schedules import Schedule, ScheduleRecurrence
from tandemlab.sweeps import BanditPolicy, GridParameterSampling, HyperDriveConfig, choice

_PAGE = """<html><head><style>h1 { color: #1c5d99 }</style></head><body><h1>Report</h1>
<script>document.body.dataset.ran = "yes"; parent.document.title = "taken"</script>
<img src="data:image/png;base64,none" onerror="document.body.dataset.ran = 'yes'"></body></html>
"""
_SCRIPT = """import time
from pathlib import Path

from tandemlab import Run

run = Run.get_context()
gate = Path({gate!r})
for step in range(20):
    run.log("loss", 1 / (step + 1), step=step)
    print("step", step, flush=True)
while {waits} and not gate.exists():
    time.sleep(0.05)
Path("outputs").mkdir(exist_ok=True)
Path("outputs/report.html").write_text({page!r})
Path("outputs/notes.txt").write_text("all well <b>here</b>")
{end}
"""
_TRIAL = """import argparse, time
from pathlib import Path

from tandemlab import Run

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--method")
given = parser.parse_args()
run = Run.get_context()
while {waits} and given.method == "adam" and not Path({gate!r}).exists():
    time.sleep(0.05)
run.log("accuracy", 0.5 + given.rate + (given.method == "adam") / 10, step=1)
deadline = time.monotonic() + 20
while given.rate == 0.2 and given.method == "sgd" and time.monotonic() < deadline:
    if run.should_stop():
        break
    time.sleep(0.05)
"""
_CLEAN = "import os, pathlib; pathlib.Path(os.environ['TANDEMLAB_OUTPUT_rows']).write_text('1')"


def fill(lab: Workspace) -> None:
    """Have a workspace hold something of everything."""
    folder = lab.path.parent / "sources"
    folder.mkdir()
    _log_trainings(lab)
    failed = submit_script(lab, folder / "failed", end="raise ValueError('the data is bad')")
    done = submit_script(lab, folder / "done")
    pipeline = submit_pipeline(lab, folder / "pipeline")
    _register(lab, folder)
    _schedule(lab, folder)
    for run in (failed, done, pipeline):
        run.wait_for_completion(show_output=False, raise_on_error=False)


def _log_trainings(lab: Workspace) -> None:
    accidents = lab.experiment("accidents")
    for number in range(1, 7):
        chance = random.Random(number)
        with accidents.start_logging(display_name=f"training_{number}") as run:
            rate = 10 ** -chance.uniform(1, 3)
            method = "sgd" if number % 2 else "adam"
            run.log_params({"rate": rate, "depth": number, "method": method})
            run.tag("language", "R" if number % 2 else "Python")
            loss = 1.0
            for step in range(60):
                loss = math.exp(-step * rate * 2) + 0.05 * chance.random()
                run.log("loss", loss, step=step)
            run.log("accuracy", 1 - loss / 2)
            if number == 6:
                _log_charts(lab, run)


def _log_charts(lab: Workspace, run: Run) -> None:
    data = {"class_labels": ["died", "alive"], "matrix": [[31, 6], [4, 159]]}
    run.log_confusion_matrix("confusion", {"schema_type": "confusion_matrix", "data": data})
    residuals = {"bin_edges": [-2, -1, 0, 1, 2], "bin_counts": [3, 9, 11, 2]}
    run.log_residuals("residuals", {"schema_type": "residuals", "data": residuals})
    for speed in (30, 50, 70):
        run.log_row(
            "by speed", speed=speed, deaths=speed // 10, road="wet" if speed > 40 else "dry"
        )
    picture = lab.path.parent / "curve.png"
    picture.write_bytes(_picture())
    run.log_image("curve", picture)


def _picture() -> bytes:
    """A plot, as scripts draw it."""
    figure = Figure(figsize=(4, 2.4))
    figure.subplots().plot([0, 1, 2, 3], [3, 1, 2, 0])
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=80)
    return stream.getvalue()


def submit_script(lab: Workspace, folder: Path, *, end: str = "", gate: Path | None = None) -> Run:
    """Submit a script that logs, prints and writes files.

    Args:
        end: its last line.
        gate: a file that it waits for.
    """
    folder.mkdir()
    code = _SCRIPT.format(gate=str(gate), waits=gate is not None, page=_PAGE, end=end)
    (folder / "train.py").write_text(code)
    (folder / "helper.py").write_text("ANSWER = 42\n")
    return lab.experiment("scripts").submit(ScriptRunConfig(folder, "train.py"))


def submit_pipeline(lab: Workspace, folder: Path) -> Run:
    """Submit a pipeline of three steps."""
    folder.mkdir()
    for name in ("clean", "fit", "report"):
        (folder / f"{name}.py").write_text(_CLEAN)
    clean = PythonScriptStep(
        "clean.py", source_directory=folder, name="clean", outputs={"rows": "file"}
    )
    fit = PythonScriptStep(
        "fit.py",
        source_directory=folder,
        name="fit",
        outputs={"rows": "file"},
        inputs={"data": clean.output("rows")},
    )
    report = PythonScriptStep(
        "report.py",
        source_directory=folder,
        name="report",
        outputs={"rows": "file"},
        inputs={"model": fit.output("rows"), "data": clean.output("rows")},
    )
    whole = Pipeline(steps=[report], name="study", parameters=[PipelineParameter("day", "today")])
    whole.publish(lab)
    return lab.experiment("study").submit(whole)


def submit_sweep(lab: Workspace, folder: Path, *, gate: Path | None = None) -> Run:
    """Submit a sweep of four trials, one after the other; the third is stopped.

    Args:
        gate: a file that each trial but the first waits for.
    """
    folder.mkdir()
    (folder / "train.py").write_text(_TRIAL.format(gate=str(gate), waits=gate is not None))
    config = HyperDriveConfig(
        ScriptRunConfig(folder, "train.py"),
        GridParameterSampling({"rate": choice(0.3, 0.2, 0.1), "method": choice("sgd", "adam")}),
        primary_metric_name="accuracy",
        primary_metric_goal="maximize",
        max_concurrent_runs=1,
        max_total_runs=4,
        policy=BanditPolicy(slack_amount=0.15),
    )
    return lab.experiment("sweeps").submit(config)


def _register(lab: Workspace, folder: Path) -> None:
    """Datasets, models, a service and a secret."""
    cars = folder / "cars.csv"
    rows = "".join(
        f"{speed},{speed * speed / 20},{'dry' if speed % 3 else ''}\n" for speed in range(4, 26)
    )
    cars.write_text(f"speed,dist,road\n{rows}")
    Dataset.Tabular.from_delimited_files(cars).register(
        lab, "cars", description="Speed and distance"
    )
    (folder / "offset.json").write_text("3")
    signature = {"inputs": {"kind": "table", "columns": [{"name": "x", "type": "double"}]}}
    for alias in ("former", "production"):
        Model.register(lab, folder / "offset.json", "adding", aliases=[alias], signature=signature)
    (folder / "score.py").write_text(SUM)
    deploy_model(lab, "adder", ["adding:2"], InferenceConfig(folder / "score.py"))
    lab.get_default_keyvault().set_secret("payroll-db", "hunter2")


def _schedule(lab: Workspace, folder: Path) -> None:
    """Something that runs by itself, though not while tests do."""
    nightly = folder / "nightly"
    nightly.mkdir()
    (nightly / "train.py").write_text("print('good night')")
    yearly = ScheduleRecurrence("Month", 12, start_time="2027-01-01T03:00:00")
    Schedule.create(
        lab, "nightly", ScriptRunConfig(nightly, "train.py"), "by night", recurrence=yearly
    )
