"""The job of an automated run: searches, tells of each trial as a child run, and keeps the best."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from tandemlab.automl.automl_config import AutoMLConfig
from tandemlab.automl.fitting import AutoMLResult, leaderboard_rows, search, summary_of
from tandemlab.automl.frames import as_frame
from tandemlab.automl.model_cards import model_card
from tandemlab.automl.submitting import CONFIG_FILE, TRIALS
from tandemlab.automl.trials import Trial
from tandemlab.domain import MissingDependency, TandemlabError, Unavailable
from tandemlab.domain.jobs import WORKERS_VARIABLE, place_variable
from tandemlab.domain.pipelines import METRICS
from tandemlab.domain.scalars import as_scalar
from tandemlab.store.durable import link_or_copy

if TYPE_CHECKING:
    import pandas

    from tandemlab.automl.worker_pool import Cluster
    from tandemlab.tracking import Run
    from tandemlab.tracking.child_log import ChildLog

MODEL = "outputs/model.joblib"
SUMMARY = "outputs/automl.json"
CODE = "outputs/train.py"
CARDS = ("outputs/model_card.md", "outputs/model_card.html")
TRIAL_MODELS = "outputs/trials"
_MOST_BYTES_OF_TRIALS = 128 * 2**20
_REPORTING = 0.6  # seconds, on an idle machine, that it takes to write what was found
SCRATCH = "scratch"  # in the working folder, which goes with the run if its job is killed


class Reporter:
    """Tells of trials: as child runs, as a course of the run's own metric, and as lines of its log.

    Args:
        run: of the job.
    """

    def __init__(self, run: Run, config: AutoMLConfig) -> None:
        self._run = run
        self._config = config
        self._best: float | None = None
        self._said_head = False

    def __call__(self, trial: Trial) -> None:
        """Tell of a trial that has ended."""
        child = self._run.report_child(
            f"{trial.algorithm} {trial.iteration}",
            run_id=child_id(self._run.id, trial.iteration),
            seconds=trial.seconds,
        )
        log_trial(child, trial)
        if trial.status == "completed" and trial.score is not None:
            self._follow_best(trial)
        self._say(trial)

    def _follow_best(self, trial: Trial) -> None:
        kind = self._config.metric
        assert trial.score is not None
        if self._best is None or kind.loss(trial.score) < kind.loss(self._best):
            self._best = trial.score
            self._run.log(f"best_{kind.name}", trial.score, step=trial.iteration)

    def _say(self, trial: Trial) -> None:
        name = self._config.metric.name
        if not self._said_head:
            self._said_head = True
            _print(f"{'trial':>5}  {'model':22}  {name:>14}  {'best':>14}  {'seconds':>7}")
        if trial.status == "failed":
            _print(f"{trial.iteration:5}  {trial.algorithm:22}  failed: {trial.error}")
            return
        mark = "" if trial.status == "completed" else f"  stopped after {trial.folds} folds"
        if trial.error is not None:
            mark += f": {trial.error}"
        _print(
            f"{trial.iteration:5}  {trial.algorithm:22}  {_number(trial.score)}  "
            f"{_number(self._best)}  {trial.seconds:7.1f}{mark}"
        )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _number(value: float | None) -> str:
    return f"{'':>14}" if value is None else f"{value:14.6g}"


def child_id(run_id: str, iteration: int) -> str:
    """Id of the child run of a trial.

    >>> child_id("study_01jd", 3)
    'study_01jd_3'
    """
    return f"{run_id}_{iteration}"


def log_trial(child: ChildLog, trial: Trial) -> None:
    """Log all that is known of a trial to its child run, and end this."""
    properties = {
        "iteration": str(trial.iteration),
        "algorithm": trial.algorithm,
        "pipeline": "\n".join(trial.pipeline),
        "trial_status": trial.status,
        "folds": str(trial.folds),
        **({} if trial.score is None else {"score": repr(trial.score)}),
        **({"nodes": ", ".join(trial.nodes)} if trial.nodes else {}),
    }
    child.set_properties(properties)
    child.log_param("algorithm", trial.algorithm)
    for name, value in trial.parameters.items():
        child.log_param(name, as_scalar(value))
    for name, value in trial.metrics.items():
        child.log(name, value)
    child.log("seconds", round(trial.seconds, 6))
    for chart in trial.charts:
        getattr(child, f"log_{chart.kind}")(chart.name, dict(chart.value))
    if trial.status == "failed":
        child.fail(trial.error or "The trial failed.", "trial")
    elif trial.status == "stopped":
        child.cancel()
    else:
        child.complete()


def main() -> None:
    """Do what the first argument says, or else the configuration in the working directory."""
    from tandemlab.tracking import get_current_run

    started = time.monotonic() - _age()
    stop: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        stop.append(number)

    signal.signal(signal.SIGTERM, note)
    run = get_current_run(allow_offline=False)
    given = sys.argv[1] if sys.argv[1:] else Path(CONFIG_FILE).read_text(encoding="utf-8")
    config = AutoMLConfig.from_dict(json.loads(given))
    for name in ("task", "label_column_name"):
        run.log_param(name, getattr(config, name))
    run.log_param("primary_metric", config.metric.name)
    trials = Path(TRIALS)
    _take_trials(trials)
    cluster = None
    if os.environ.get(WORKERS_VARIABLE) == "ray":
        cluster = _cluster(config)
        if cluster is None:  # Ray has set apart what one worker needs
            config = config.replace(max_concurrent_iterations=1)
    try:
        data = _data("training_data")
        assert data is not None
        found = search(
            config,
            data,
            trials,
            Path(SCRATCH),
            started=started,
            on_trial=Reporter(run, config),
            stopped=lambda: bool(stop),
            validation=_data("validation_data"),
            afterwards=_REPORTING,
            cluster=cluster,
        )
    except TandemlabError as problem:
        run.fail(problem, problem.code)
        sys.exit(str(problem))
    _keep(found, run, data)
    if not stop:
        shutil.rmtree(trials, ignore_errors=True)


def _cluster(config: AutoMLConfig) -> Cluster | None:
    """The cluster of Ray that the job runs on; None if it cannot be joined, which is told."""
    from tandemlab.automl.ray_workers import RayWorkers
    from tandemlab.automl.worker_pool import bytes_of_job

    try:
        return RayWorkers(bytes_of_job(config))
    except (MissingDependency, Unavailable) as problem:
        _print(f"Trials are trained on this machine alone. {problem}")
        return None


def _age() -> float:
    """Seconds since this process began, as far as the system tells."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return max(0.0, up - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


def _data(name: str) -> pandas.DataFrame | None:
    """Data of the run: an input, or a file of its source."""
    from tandemlab.bridge import read_frame

    path = Path(os.environ.get(place_variable("inputs", name)) or f"{name}.arrow")
    if not path.exists():
        return None
    return as_frame(read_frame(path, "pandas") if path.suffix in (".arrow", ".parquet") else path)


def _take_trials(folder: Path) -> None:
    """Go on from the trials of an earlier run, where the job is given any."""
    folder.parent.mkdir(exist_ok=True)
    given = os.environ.get(place_variable("inputs", "trials"))
    if given is not None:
        shutil.copytree(given, folder, dirs_exist_ok=True)


def _keep(found: AutoMLResult, run: Run, data: pandas.DataFrame) -> None:
    """Write the model and what is to be known of it as outputs of the run."""
    from tandemlab.models import save_model

    Path(MODEL).parent.mkdir(exist_ok=True)
    save_model(found.model, MODEL)
    content: dict[str, Any] = {
        "format": 1,
        **summary_of(found, data),
        "best": {
            "iteration": found.best.iteration,
            "run_id": child_id(run.id, found.best.iteration),
        },
        "signature": _signature(found, data),
    }
    Path(SUMMARY).write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")
    found.export_code(CODE)
    for card in CARDS:
        model_card(content, found.config.to_dict(), run=run.id).save(card)
    for name, value in dict(found.facts.get("metrics") or {}).items():
        run.log(name, value)
    _write_step_outputs(found)
    _keep_models_of_trials(found)
    score = _number(found.best.score).strip()
    _print(
        f"best: {found.best.algorithm}, {found.config.metric.name} {score}, "
        f"{len(found.trials)} trials in {found.seconds:.1f} s"
    )


def trial_model(iteration: int) -> str:
    """The file of the run that holds the model of a trial alone, if it was kept."""
    return f"{TRIAL_MODELS}/{iteration}.joblib"


def _keep_models_of_trials(found: AutoMLResult) -> None:
    """Write the models of single trials, the best first, as long as there is room for them."""
    from tandemlab.models import save_model

    room = _MOST_BYTES_OF_TRIALS
    for row in leaderboard_rows(found.config, found.trials):
        make = found.models.get(row["iteration"])
        if make is None or row["score"] is None or row["iteration"] == found.best.iteration:
            continue
        path = Path(trial_model(row["iteration"]))
        path.parent.mkdir(parents=True, exist_ok=True)
        save_model(make(), path)
        room -= path.stat().st_size
        if room < 0:
            path.unlink()
            return


def _write_step_outputs(found: AutoMLResult) -> None:
    """Write what is asked for where the run is a step of a pipeline."""
    from tandemlab.bridge import write_frame

    def place(name: str) -> str | None:
        return os.environ.get(place_variable("outputs", name))

    if (model := place("model")) is not None:
        link_or_copy(Path(MODEL), Path(model, Path(MODEL).name))
    if (metrics := place(METRICS)) is not None:
        Path(metrics).write_text(json.dumps(dict(found.best.metrics)), encoding="utf-8")
    if (leaderboard := place("leaderboard")) is not None:
        write_frame(_plain_columns(found.leaderboard()), leaderboard)


def _plain_columns(frame: pandas.DataFrame) -> pandas.DataFrame:
    """A frame whose cells that are no single values are json."""
    nested = [
        name
        for name in frame.columns
        if frame[name].map(lambda x: isinstance(x, (dict, list))).any()
    ]
    return frame.assign(**{name: frame[name].map(json.dumps) for name in nested})


def _signature(found: AutoMLResult, data: pandas.DataFrame) -> Mapping[str, Any] | None:
    """What the model takes and gives.

    It is not asked: it would load the libraries of all its members.
    """
    import numpy

    from tandemlab.models.signatures import infer_signature

    names = getattr(found.model, "feature_names_in_", None)
    if names is None:
        return None
    classes = getattr(found.model, "classes_", None)
    outputs = numpy.zeros(1) if classes is None else numpy.asarray(classes)
    try:
        return infer_signature(data[list(names)], outputs).to_dict()
    except TandemlabError:
        return None  # it has columns that no signature knows: the model takes them all the same


if __name__ == "__main__":
    main()
