"""Published pipelines: versions that are run by name, whatever has become of their sources."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
import yaml

from plugins.servers import Server
from tandemlab import Environment, Workspace
from tandemlab.data import DataPath
from tandemlab.domain import AlreadyExists, InvalidInput, InvalidState, NotFound
from tandemlab.domain.jobs import Input
from tandemlab.environments.registry import register_environment
from tandemlab.pipelines import (
    CommandStep,
    ModuleStep,
    Pipeline,
    PipelineEndpoint,
    PipelineParameter,
    PublishedPipeline,
    PythonFunctionStep,
    PythonScriptStep,
)

CASES = Path(__file__).parents[2] / "conformance" / "pipelines"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture
def study(tmp_path: Path) -> Pipeline:
    """A script of a folder that is gone when it runs, and a command behind it."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "first.py").write_text(
        "import shutil, sys\nshutil.copy(sys.argv[1], sys.argv[2])\nprint(sys.argv[3])\n"
    )
    (tmp_path / "raw.txt").write_text("rows\n")
    raw = PipelineParameter("raw", "../raw.txt")
    times = PipelineParameter("times", 2, description="how often")
    note = PipelineParameter("note", type="string")
    first = PythonScriptStep(
        "first.py",
        "first",
        arguments=["${inputs.raw}", "${outputs.all}", note],
        source_directory=folder,
        inputs={"raw": raw},
        outputs={"all": "file"},
    )
    last = CommandStep(
        "echo ${parameters.times}; cat ${inputs.all}", "last", inputs=[first.output()]
    )
    return Pipeline([last], name="score", description="Scores.", parameters=[times])


def trivial(word: str = "true") -> Pipeline:
    return Pipeline([CommandStep(word, "only")])


@pytest.mark.full
def test_a_published_pipeline_runs_when_its_sources_are_gone(
    workspace: Workspace, study: Pipeline, tmp_path: Path
) -> None:
    made = study.publish(workspace, tags={"team": "a"})
    assert (made.id, made.status, made.description) == ("score:1", "Active", "Scores.")
    assert made.get_step_names() == ("first", "last")
    assert study.publish(workspace).version == 1
    shutil.rmtree(tmp_path / "study")
    run = PublishedPipeline.get(workspace, "score").submit(pipeline_parameters={"note": "hi"})
    run.wait_for_completion(timeout_seconds=60)
    assert run.experiment.name == "score"
    assert run.find_step_run("last")[0].read_log()[0] == "2\nrows\n"
    assert run.find_step_run("first")[0].read_log()[0] == "hi\n"
    assert run.properties["published_pipeline"] == "score:1"
    assert [each.run_id for each in workspace.assets.usages(made.asset)] == [run.id]
    assert str(tmp_path / "study") not in str(run.get_details()["runDefinition"])
    again = run.publish_pipeline("again")
    assert again.template.sources == made.template.sources
    Path("other.txt").write_text("others\n")
    given = {"note": "", "raw": Path("other.txt"), "times": 3}
    second = again.submit("tries", given, tags={"a": "b"})
    second.wait_for_completion(timeout_seconds=60)
    assert second.find_step_run("last")[0].read_log()[0] == "3\nothers\n"


def test_parameters_are_checked_before_anything_is_made(
    workspace: Workspace, study: Pipeline
) -> None:
    made = study.publish(workspace)
    with pytest.raises(InvalidInput) as problem:
        made.submit(pipeline_parameters={"tims": 1, "times": "2"})
    for words in ("did you mean 'times'?", "times: '2' is no integer", "note: has no default"):
        assert words in problem.value.message
    with pytest.raises(InvalidInput, match=r"'raw' is a path, and 'raw.txt' is not absolute"):
        made.submit(pipeline_parameters={"note": "", "raw": "raw.txt"})
    with pytest.raises(InvalidInput, match="'raw' is a path of this machine, and not data"):
        data = DataPath("workspaceblobstore", "raw.txt")
        made.submit(pipeline_parameters={"note": "", "raw": data})
    with pytest.raises(InvalidInput, match="'note' cannot be"):
        made.submit(pipeline_parameters={"note": object()})
    assert workspace.experiments == {}
    with pytest.raises(InvalidInput, match=r"not there: /nowhere\.txt"):
        made.submit(pipeline_parameters={"note": "", "raw": "/nowhere.txt"})
    assert workspace.get_runs() == []


@pytest.mark.full
def test_an_input_is_a_place_in_a_datastore_by_parameter(workspace: Workspace) -> None:
    data = PipelineParameter("data", type="string")
    shown = CommandStep("cat ${inputs.rows}/*", "show", inputs={"rows": Input(dataset=str(data))})
    made = Pipeline([shown], parameters=[data]).publish(workspace, "show")
    store = workspace.get_default_datastore()
    Path(workspace.path, "datastore", "new").mkdir(parents=True)
    Path(workspace.path, "datastore", "new", "a.txt").write_text("in the lake\n")
    run = made.submit(pipeline_parameters={"data": DataPath(store.name, "new/*.txt")})
    run.wait_for_completion(timeout_seconds=60)
    assert run.find_step_run("show")[0].read_log()[0] == "in the lake\n"


def test_the_default_version_is_what_the_name_means(workspace: Workspace) -> None:
    endpoint = PipelineEndpoint.publish(workspace, "job", trivial("true"))
    with pytest.raises(AlreadyExists, match="'job' already"):
        PipelineEndpoint.publish(workspace, "job", trivial())
    second = endpoint.add(trivial("date"))
    assert (second.version, endpoint.get_default_version().version) == (2, 1)
    third = endpoint.add_default(trivial("ls"))
    assert PublishedPipeline.get(workspace, "job").version == 3
    second.disable()
    assert endpoint.roll_back().version == 1
    with pytest.raises(InvalidState, match="no enabled version of 'job' below 1"):
        endpoint.roll_back()
    with pytest.raises(InvalidState, match="job:2 is disabled"):
        endpoint.set_default_version(2)
    assert endpoint.set_default_version(3).id == third.id
    third.disable()
    with pytest.raises(InvalidState, match="the default version, version 3 is disabled"):
        endpoint.submit()
    assert [each.version for each in endpoint.list_versions()] == [3, 2, 1]
    assert [each.id for each in PublishedPipeline.list(workspace)] == ["job:1"]
    assert [each.name for each in PipelineEndpoint.list(workspace)] == ["job"]
    endpoint.archive()
    assert PipelineEndpoint.list(workspace) == []
    assert PipelineEndpoint.get(workspace, "job").list_versions(active_only=True) == []
    copied = PipelineEndpoint(workspace, "copy").add(third)
    assert copied.template.graph.steps == third.template.graph.steps
    with pytest.raises(NotFound, match="pipeline 'jop'"):
        PipelineEndpoint.get(workspace, "jop")


def test_without_a_default_the_newest_enabled_version_runs(workspace: Workspace) -> None:
    for word in ("true", "date"):
        made = trivial(word).publish(workspace, "job")
    assert PublishedPipeline.get(workspace, "job").version == 2
    made.disable()
    assert PublishedPipeline.get(workspace, "job").version == 1
    assert made.enable().status == "Active"
    for each in PublishedPipeline.list(workspace):
        each.disable()
    with pytest.raises(InvalidState, match=r"All versions .* disabled"):
        PublishedPipeline.get(workspace, "job")


def test_names_and_parameters_are_refused_as_in_r(workspace: Workspace) -> None:
    cases = yaml.safe_load((CASES / "publishing.yaml").read_text())
    Path("raw.txt").write_text("rows\n")
    Path("score.yml").write_text(cases["yaml"])
    pipeline = Pipeline.load_yaml("score.yml")
    for name in cases["names"]:
        with pytest.raises(InvalidInput):
            pipeline.publish(workspace, name)
    assert PublishedPipeline.list(workspace, active_only=False) == []
    made = pipeline.publish(workspace, "score")
    for case in cases["runs"]:
        with pytest.raises(InvalidInput) as problem:
            made.submit(pipeline_parameters=case["given"])
        for words in case["says"]:
            assert words in problem.value.message, case["name"]
    assert workspace.get_runs() == []


def test_what_could_not_run_is_not_published(workspace: Workspace, study: Pipeline) -> None:
    with pytest.raises(InvalidInput, match="under a name"):
        trivial().publish(workspace)
    Path("study").mkdir()
    missing = Pipeline([PythonScriptStep("no.py", "a", source_directory="study")], name="x")
    with pytest.raises(InvalidInput, match=r"cannot be published.*no\.py"):
        missing.publish(workspace)
    trivial().publish(workspace, "job")
    with pytest.raises(InvalidInput, match="cannot be a step of itself"):
        Pipeline([ModuleStep("inner", "job:1")]).publish(workspace, "job")
    workspace.assets.register("pipeline", "fake", {"steps": {}})
    with pytest.raises(InvalidInput, match="no published pipeline"):
        PublishedPipeline.get(workspace, "fake").get_step_names()


@pytest.mark.full
def test_a_step_can_neither_run_nor_publish_its_own_pipeline(workspace: Workspace) -> None:
    again = PythonFunctionStep(
        """def again():
            from tandemlab import get_current_run
            from tandemlab.domain import InvalidState
            from tandemlab.pipelines import CommandStep, Pipeline, PublishedPipeline

            lab = get_current_run().workspace
            other = Pipeline([CommandStep("true", "a")])
            for attempt in (
                lambda: PublishedPipeline.get(lab, "loop").submit(),
                lambda: other.publish(lab, "loop"),
            ):
                try:
                    attempt()
                except InvalidState as problem:
                    print(problem.message)
            print(other.publish(lab, "other").id)
        """.replace("\n        ", "\n"),
        "again",
    )
    made = Pipeline([again]).publish(workspace, "loop")
    run = made.submit()
    run.wait_for_completion(timeout_seconds=60)
    log = run.find_step_run("again")[0].read_log()[0]
    assert "cannot run that pipeline" in log and "cannot publish that pipeline" in log
    assert "other:1" in log
    assert len(workspace.experiment("loop").get_runs()) == 1


def test_an_environment_keeps_the_version_that_it_had(workspace: Workspace) -> None:
    register_environment(workspace, Environment("tools"))
    made = Pipeline([CommandStep("true", "a", environment="tools")]).publish(workspace, "p")
    assert made.template.graph.steps["a"].settings["environment"] == "tools:1"


def test_a_saved_pipeline_can_be_changed_and_published_again(
    workspace: Workspace, study: Pipeline, tmp_path: Path
) -> None:
    made = study.publish(workspace)
    file = made.save(tmp_path / "copy")
    assert Pipeline.load_yaml(file).publish(workspace, "score").template.sources == (
        made.template.sources
    )
    with pytest.raises(AlreadyExists):
        made.save(tmp_path / "copy")


@pytest.mark.full
def test_a_pipeline_is_published_and_run_at_a_server(
    remote: Workspace, shared_server: Server, study: Pipeline
) -> None:
    made = study.publish(remote)
    with pytest.raises(InvalidInput, match="note: has no default"):
        made.submit()
    with pytest.raises(InvalidInput, match="not there"):
        made.submit(pipeline_parameters={"note": "", "raw": "/nowhere.txt"})
    run = made.submit(pipeline_parameters={"note": "hi"})
    run.wait_for_completion(timeout_seconds=60)
    assert run.find_step_run("first")[0].read_log()[0] == "hi\n"
    base = f"{shared_server.url}/api/v1/workspaces/{remote.name}/pipelines"
    (shown,) = httpx.get(base).json()
    assert (shown["id"], shown["steps"]) == ("score:1", ["first", "last"])
    assert shown["parameters"]["times"] == {
        "type": "integer",
        "default": 2,
        "description": "how often",
    }
    body = {"pipeline_parameters": {"note": "by REST"}, "run_id": "score_twice"}
    answers = [httpx.post(f"{base}/score/runs", json=body) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert {each.json()["id"] for each in answers} == {"score_twice"}
    refused = httpx.post(f"{base}/score/runs", json={"pipeline_parameters": {"times": "x"}})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_input")
    assert httpx.post(f"{base}/nothing/runs", json={}).status_code == 404
