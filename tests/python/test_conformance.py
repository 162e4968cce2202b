"""The cases of tests/conformance, run through the public Python API."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.servers import Server
from plugins.workspaces import stop_agent
from tandemlab import Model, Run, ScriptRunConfig, TandemlabError, Workspace, compare_runs
from tandemlab.domain.findings import Finding
from tandemlab.domain.ids import new_ulid
from tandemlab.tracking import context

CASES = Path(__file__).parents[1] / "conformance"
SUFFIXES = {"python": "job.py", "r": "job.R"}


def load() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            submits = "submit" in case["do"][0]
            for language in ("python", "r") if submits else (None,):
                marks = [pytest.mark.full] if submits else []
                name = f"{path.stem}: {case['name']}" + (f" [{language}]" if language else "")
                yield pytest.param(case, language, id=name, marks=marks)


def plain(value: Any) -> Any:
    """A value of a case file as Python has it."""
    if isinstance(value, Mapping):
        if set(value) == {"float"}:
            return float(str(value["float"]).lstrip("."))
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def same(left: Any, right: Any) -> bool:
    """Equality that takes NaN for NaN."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return bool(left == right) and (isinstance(left, bool) is isinstance(right, bool))


class Player:
    """Does the steps of a case."""

    def __init__(self, workspace: Workspace, folder: Path, language: str | None) -> None:
        self.workspace = workspace
        self.folder = folder
        self.language = language
        self.experiment_name = ""
        self.secrets: Mapping[str, str | None] = {}
        self.findings: list[Finding] = []
        self.names_found: list[str] = []
        self.points: dict[str, list[Any]] = {}
        self.differences: list[str] = []
        self.links: list[str] = []
        self.model: Model | None = None
        self.models: list[str] = []
        self.refused: list[str] = []
        self.model_files: Mapping[str, str] = {}
        self.run: Run | None = None

    def need_run(self) -> Run:
        if self.run is None:
            self.run = self.workspace.experiment("conformance").start_logging()
        return self.run

    def do(self, step: Mapping[str, Any]) -> None:
        (verb, arguments), *_ = step.items()
        arguments = {key: plain(value) for key, value in arguments.items()}
        getattr(self, verb)(**arguments)

    def log(self, name: str, value: Any, step: int | None = None) -> None:
        self.need_run().log(name, value, step=step)

    def log_list(self, name: str, value: Any) -> None:
        self.need_run().log_list(name, value)

    def log_row(self, name: str, columns: dict[str, Any]) -> None:
        self.need_run().log_row(name, **columns)

    def log_table(self, name: str, value: Any) -> None:
        self.need_run().log_table(name, value)

    def log_confusion_matrix(self, name: str, value: Any) -> None:
        self.need_run().log_confusion_matrix(name, value)

    def log_residuals(self, name: str, value: Any) -> None:
        self.need_run().log_residuals(name, value)

    def param(self, name: str, value: Any) -> None:
        self.need_run().log_param(name, value)

    def find(self, filter: str | None = None, order_by: str | None = None) -> None:
        self.names_found = [
            run.display_name for run in self.workspace.get_runs(filter, order_by=order_by)
        ]

    def history(self, name: str, max_points: int | None = 1000) -> None:
        found = self.need_run().get_metric_history(name, max_points)
        self.points = {
            "index": list(found.places),
            "step": list(found.steps),
            "value": list(found.values),
        }

    def compare(self, left: str, right: str) -> None:
        # A workspace at a server serves all cases: the newest of a name is this case's.
        runs = [
            self.workspace.get_runs(f"display_name = '{name}'", limit=1)[0]
            for name in (left, right)
        ]
        table = compare_runs(*runs).to_table()
        self.differences = [
            f"{group}.{name}"
            for group, name, differs in zip(
                table["group"], table["name"], table["differs"], strict=True
            )
            if differs and group != "run"
        ]

    def lineage(self) -> None:
        links = self.need_run().get_lineage().links
        self.links = [f"{link.source.kind} {link.relation} {link.target.kind}" for link in links]

    def register_model(
        self, name: str, content: str | None, file: str = "m.txt", **more: Any
    ) -> None:
        path = self.folder / file
        if content is not None:
            path.write_text(content)
        Model.register(self.workspace, path, name, **more)

    def try_models(self, names: list[str]) -> None:
        self.refused = []
        for name in names:
            with pytest.raises(TandemlabError) as caught:
                self.register_model(name, "1")
            self.refused.append(caught.value.code)

    def register_model_from_run(self, name: str, path: str) -> None:
        self.need_run().register_model(name, path)

    def get_model(self, model: str) -> None:
        self.model = Model(self.workspace, model)

    def list_models(self, name: str) -> None:
        self.models = [model.id for model in Model.list(self.workspace, name)]

    def set_model_alias(self, model: str, alias: str) -> None:
        Model(self.workspace, model).set_alias(alias)

    def remove_model_alias(self, model: str, alias: str) -> None:
        Model(self.workspace, model).remove_alias(alias)

    def change_model(
        self,
        model: str,
        tags: Mapping[str, str | None] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> None:
        found = Model(self.workspace, model)
        for name, value in (tags or {}).items():
            if value is None:
                found.remove_tags(name)
            else:
                found.add_tags({name: value})
        found.add_properties(properties or {})
        found.update(description=description)

    def delete_model(self, model: str) -> None:
        Model(self.workspace, model).delete()

    def download_model(self, model: str) -> None:
        path = Model(self.workspace, model).download(self.folder / "copy")
        files = [path] if path.is_file() else sorted(path.iterdir())
        self.model_files = {file.name: file.read_text() for file in files}

    def new_run(self, name: str) -> None:
        self.run = self.workspace.experiment("conformance").start_logging(display_name=name)

    def tag(self, name: str, value: str | None) -> None:
        self.need_run().tag(name, value)

    def untag(self, name: str) -> None:
        self.need_run().remove_tags([name])

    def property(self, name: str, value: str) -> None:
        self.need_run().add_properties({name: value})

    def upload(self, name: str, content: str) -> None:
        source = self.folder / "to_upload.txt"
        source.write_text(content)
        self.need_run().upload_file(name, source)

    def complete(self) -> None:
        self.need_run().complete()

    def fail(self, message: str) -> None:
        self.need_run().fail(message)

    def cancel(self) -> None:
        self.need_run().cancel()

    def child(self, name: str) -> None:
        self.run = self.need_run().child_run(name)

    def get_run(self, id: str) -> None:
        self.workspace.get_run(id)

    def create_experiment(self, name: str) -> None:
        self.experiment_name = self.workspace.experiment(name).name

    def create_workspace(self, name: str) -> None:
        Workspace.create(self.folder / name)

    def set_secrets(self, secrets: dict[str, str]) -> None:
        self.workspace.get_default_keyvault().set_secrets(secrets)

    def delete_secrets(self, names: list[str]) -> None:
        self.workspace.get_default_keyvault().delete_secrets(names)

    def get_secrets(self, names: list[str]) -> None:
        self.secrets = self.workspace.get_default_keyvault().get_secrets(names)

    def get_secrets_from_run(self, names: list[str]) -> None:
        self.secrets = self.need_run().get_secrets(names)

    def write(self, path: str, content: str) -> None:
        target = self.workspace.path / (path.replace("RUN", self.run.id) if self.run else path)
        target.write_text(content)

    def check(self, repair: bool = False, deep: bool = False) -> None:
        self.findings = self.workspace.check(repair, deep)

    def submit(self, arguments: Any = None, **sources: str) -> None:
        assert self.language is not None
        source = self.folder / "source"
        source.mkdir()
        script = SUFFIXES[self.language]
        (source / script).write_text(sources[self.language])
        experiment = self.workspace.experiment("conformance")
        self.run = experiment.submit(ScriptRunConfig(source, script, arguments))
        self.run.wait_for_completion(raise_on_error=False, timeout_seconds=60)

    def found(self, what: str) -> Any:
        if what == "experiment":
            return self.experiment_name
        if what == "found":
            return self.names_found
        if what in ("differences", "links", "models", "model_files", "refused"):
            return getattr(self, what)
        if what == "model":
            names = ("id", "format", "tags", "properties", "description", "aliases")
            found = {name: getattr(self.model, name) for name in names}
            return {**found, "format": str(found["format"]), "aliases": list(found["aliases"])}
        if what == "history":
            return self.points
        if what == "secrets":
            return self.secrets
        if what == "findings":
            run_id = "" if self.run is None else self.run.id
            return [
                {
                    "code": finding.code,
                    "where": finding.where.replace(run_id or "RUN", "RUN"),
                    "repaired": finding.repaired,
                }
                for finding in self.findings
            ]
        if what == "secret_names":
            return self.workspace.get_default_keyvault().list_secrets()
        run = self.need_run()
        if what == "metrics":
            return run.get_metrics()
        if what == "printed":
            return run.read_log()[0]
        if what in ("files", "output_files"):
            names = run.get_file_names()
            if what == "output_files":
                names = [name for name in names if name.startswith("outputs/")]
            return {name: self.download(run, name) for name in names}
        if what == "error":
            return run.get_details()["error"]["message"]
        key = {"exit_code": "exitCode"}.get(what, what)
        return run.get_details()[key] if what != "status" else run.get_status()

    def download(self, run: Run, name: str) -> str:
        return run.download_file(name, self.folder / "downloaded.txt").read_text()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def store_address(request: pytest.FixtureRequest) -> str | None:
    """The cases hold whichever database keeps the runs."""
    if request.param == "sqlite":
        return None
    return str(request.getfixturevalue("database"))


@pytest.mark.parametrize(("case", "language"), list(load()))
def test_case(
    case: dict[str, Any], language: str | None, workspace: Workspace, tmp_path: Path
) -> None:
    play(Player(workspace, tmp_path, language), case)


@pytest.fixture
def contents_in_s3(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A workspace that keeps contents in S3."""
    monkeypatch.setattr(context, "_active", [])
    monkeypatch.setenv("TANDEMLAB_IDLE_SECONDS", "1")
    lab = Workspace.create(tmp_path / "lab", artifacts=bucket)
    yield lab
    stop_agent(lab)
    lab.store.close()


def _has_contents(case: Mapping[str, Any]) -> bool:
    return any(verb in ("upload", "submit", "check") for step in case["do"] for verb in step)


@pytest.mark.services
@pytest.mark.parametrize(
    ("case", "language"), [case for case in load() if _has_contents(case.values[0])]
)
def test_case_with_contents_in_s3(
    case: dict[str, Any], language: str | None, contents_in_s3: Workspace, tmp_path: Path
) -> None:
    play(Player(contents_in_s3, tmp_path, language), case)


@pytest.fixture
def at_server(
    case: dict[str, Any], shared_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    """One workspace at a server for most cases, which one process of this machine sends to.

    Secrets and what a check finds are the whole workspace's, so that each case has its own.
    """
    monkeypatch.setattr(context, "_active", [])
    if any("secrets" in verb or verb == "check" for step in case["do"] for verb in step):
        return Workspace.create(f"{shared_server.url}/conformance_{new_ulid()}")
    return Workspace.ensure(f"{shared_server.url}/conformance")


@pytest.mark.parametrize(("case", "language"), list(load()))
def test_case_at_a_server(
    case: dict[str, Any], language: str | None, at_server: Workspace, tmp_path: Path
) -> None:
    if any("write" in step for step in case["do"]):
        pytest.skip("the folder that is written to is the server's")
    play(Player(at_server, tmp_path, language), case)


def play(player: Player, case: dict[str, Any]) -> None:
    """Do the steps of a case, and look at what must hold then."""
    *before, last = case["do"]
    for step in before:
        player.do(step)
    if "error" in case:
        with pytest.raises(TandemlabError) as caught:
            player.do(last)
        assert caught.value.code == case["error"]
    else:
        player.do(last)
    for what, expected in case.get("then", {}).items():
        if isinstance(expected, Mapping) and set(expected) == {"python", "r"}:
            expected = expected[player.language]
        found = player.found(what)
        assert same(found, plain(expected)), f"{what}: {found!r}"
