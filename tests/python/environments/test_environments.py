"""Environments are built for real, by uv and R, and jobs run in them."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from plugins.r_packages import write_source
from plugins.waiting import wait_until
from tandemlab import Environment, ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput, InvalidState, MissingDependency, RunFailed, RunStatus
from tandemlab.environments import (
    EnvironmentCache,
    PythonSection,
    RPackage,
    RSection,
    lock_environment,
    python_build,
    read_environment,
)

pytestmark = pytest.mark.full
SIX = PythonSection(("six==1.16.0",))


def output(*command: str, **variables: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=variables or None
    )
    return done.stdout.strip()


def test_python_packages_are_installed_once_and_beside_tandemlab(cache: EnvironmentCache) -> None:
    environment = Environment("study", SIX)
    assert not cache.is_built(environment)
    built = cache.build(environment)
    marker = cache.root / cache.key(environment) / "built.json"
    made = marker.stat().st_ino
    assert (
        cache.build(environment.replace(name="other", variables={"A": "1"})).python == built.python
    )
    assert marker.stat().st_ino == made
    code = "import six, tandemlab; from tandemlab import Workspace; print(six.__version__)"
    assert output(str(built.python), "-c", code) == "1.16.0"
    assert "six==1.16.0" in cache.log_path(environment).read_text()


_NO_TORCH_INDEX = """#!{python}
import os, sys
words = ["six==1.16.0" if word == "torch>=2" else word for word in sys.argv[1:]]
if words[0] == "pip":
    backend = os.environ.get("UV_TORCH_BACKEND", "")
    with open({seen!r}, "a") as seen:
        print(backend or "usual", file=seen)
    if backend:
        sys.exit("error: Failed to fetch: https://download.pytorch.org/whl/cpu/torch/")
os.execv({uv!r}, [{uv!r}, *words])
"""


def test_pytorch_is_that_for_processors_without_a_gpu_where_its_index_is_reached(
    cache: EnvironmentCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv, seen = tmp_path / "uv", tmp_path / "seen"
    real = str(python_build.find_uv())
    uv.write_text(_NO_TORCH_INDEX.format(python=sys.executable, seen=str(seen), uv=real))
    uv.chmod(0o755)
    monkeypatch.setattr(python_build, "find_uv", lambda: str(uv))
    monkeypatch.delenv("UV_TORCH_BACKEND", raising=False)
    environment, keys = Environment("study", PythonSection(("torch>=2",))), set()
    for has_gpu, asked in ((False, ["cpu", "usual"]), (True, ["usual"])):
        monkeypatch.setattr(python_build, "_has_gpu", lambda has_gpu=has_gpu: has_gpu)
        cache.build(environment)
        assert seen.read_text().split() == asked
        seen.unlink()
        keys.add(cache.key(environment))
    assert len(keys) == 2
    monkeypatch.setenv("UV_TORCH_BACKEND", "cu128")
    with pytest.raises(MissingDependency, match=r"download\.pytorch\.org"):
        cache.build(environment)
    assert cache.key(Environment("other", SIX)) == cache.key(Environment("study", SIX))


def test_many_who_need_it_at_once_build_it_once(cache: EnvironmentCache) -> None:
    environment = Environment("study", SIX)
    threads = [threading.Thread(target=cache.build, args=(environment,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.log_path(environment).read_text().count("pip install") == 1


def test_what_an_interrupted_build_left_is_not_used(cache: EnvironmentCache) -> None:
    environment = Environment("study", SIX)
    code = (
        "import os, signal, threading, time\n"
        "from tandemlab.environments import Environment, EnvironmentCache, PythonSection\n"
        "cache = EnvironmentCache()\n"
        "environment = Environment('study', PythonSection(('six==1.16.0',)))\n"
        "def kill():\n"
        "    while not list(cache.root.glob('*/python/bin')): time.sleep(0.001)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "threading.Thread(target=kill).start(); cache.build(environment)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    left = cache.root / cache.key(environment)
    assert left.exists() and not cache.is_built(environment)
    (left / "rubbish").touch()
    built = cache.build(environment)
    assert output(str(built.python), "-c", "import six; print(six.__version__)") == "1.16.0"
    assert not (left / "rubbish").exists()


@pytest.mark.parametrize(
    ("python", "names"),
    [
        (PythonSection(("surely-no-such-package-1",)), ["surely-no-such-package-1"]),
        (PythonSection(("six==99.0",)), ["six"]),
    ],
)
def test_a_package_that_cannot_be_had_is_named(
    cache: EnvironmentCache, python: PythonSection, names: list[str]
) -> None:
    environment = Environment("study", python)
    with pytest.raises(MissingDependency, match=f"'study' cannot be built: {names[0]}") as caught:
        cache.build(environment)
    assert caught.value.details["packages"] == names
    assert not cache.is_built(environment) and cache.built() == []


def test_requirements_that_exclude_each_other_are_explained(cache: EnvironmentCache) -> None:
    with pytest.raises(MissingDependency, match=r"you require six<1\.0 and six>1\.5"):
        cache.build(Environment("study", PythonSection(("six<1.0", "six>1.5"))))


def test_packages_of_conda_need_a_conda(
    cache: EnvironmentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(MissingDependency, match="neither micromamba nor mamba nor conda: gdal"):
        cache.build(Environment("study", PythonSection(conda=("gdal",))))


CONDA = """#!/bin/sh
# Makes what conda would, with nothing but a Python in it.
echo "$@" >> "$0.asked"
case "$*" in *nosuch*) echo "error    libmamba Could not solve for environment specs
    The following package could not be found
    └─ nosuch >=1 does not exist (perhaps a typo or a missing channel)."; exit 1;; esac
exec {python} -m venv --without-pip "$4"
"""


def test_a_conda_makes_the_environment_and_the_pip_part_is_installed_into_it(
    cache: EnvironmentCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conda = tmp_path / "bin" / "micromamba"
    conda.parent.mkdir()
    conda.write_text(CONDA.format(python=sys.executable))
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", f"{conda.parent}:{os.environ['PATH']}")
    (tmp_path / "study.yml").write_text(
        "channels: [conda-forge]\ndependencies: [python=3.11, gdal=3.8, pip: [six==1.16.0]]"
    )
    built = cache.build(read_environment(tmp_path / "study.yml"))
    assert output(str(built.python), "-c", "import six; print(six.__version__)") == "1.16.0"
    asked = Path(f"{conda}.asked").read_text()
    assert asked.startswith("create --yes --prefix ")
    assert asked.endswith("-c conda-forge python=3.11 gdal=3.8\n")
    with pytest.raises(MissingDependency, match="'study' cannot be built: nosuch: ") as caught:
        cache.build(Environment("study", PythonSection(conda=("nosuch>=1",))))
    assert caught.value.details["packages"] == ["nosuch"]


def test_a_build_can_be_stopped(cache: EnvironmentCache, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    project = tmp_path / "slow"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
    )
    (project / "slow.py").write_text(
        f"import pathlib, time\npathlib.Path({str(begun)!r}).touch()\ntime.sleep(600)\n"
    )
    environment = Environment("study", PythonSection((f"slow @ {project.as_uri()}",)))
    with pytest.raises(InvalidState, match="stopped"):
        cache.build(environment, stopped=begun.exists)
    assert not (cache.root / cache.key(environment)).exists()


def test_r_packages_come_with_what_they_need(kitchen: Environment) -> None:
    (library,) = EnvironmentCache().build(kitchen).r_libraries
    code = f".libPaths({library!r}); cat(tart::bake())"
    assert output("Rscript", "--vanilla", "-e", code) == "tart with plums 2.0"


def test_an_exact_version_is_taken_from_the_archive(
    cache: EnvironmentCache, repository: str
) -> None:
    environment = Environment("kitchen", r=RSection((RPackage("plums", "1.0", repository),)))
    (library,) = cache.build(environment).r_libraries
    code = f".libPaths({library!r}); cat(plums::pick())"
    assert output("Rscript", "--vanilla", "-e", code) == "plums 1.0"


def test_packages_come_from_an_archive_of_their_source_and_are_locked(
    cache: EnvironmentCache, repository: str, tmp_path: Path
) -> None:
    archive = tmp_path / "HEAD.tar.gz"  # GitHub's have a folder of another name
    fields = "Package: jam\nVersion: 0.9\nImports: plums"
    write_source(archive, "jam-HEAD", fields, "boil <- function() plums::pick()")
    section = RSection((RPackage("jam", source=str(archive)),), (repository,))
    locked = lock_environment(Environment("kitchen", r=section))
    assert locked.r.lock is not None and locked.r.lock.packages == (
        RPackage("jam", "0.9", source=str(archive)),
        RPackage("plums", "2.0", repository),
    )
    (library,) = cache.build(locked).r_libraries
    code = f".libPaths({library!r}); cat(jam::boil())"
    assert output("Rscript", "--vanilla", "-e", code) == "plums 2.0"


def test_an_renv_lock_is_built_with_exactly_its_versions(
    cache: EnvironmentCache, repository: str, tmp_path: Path
) -> None:
    packages = {
        name: {"Package": name, "Version": version, "Source": "Repository", "Repository": "CRAN"}
        for name, version in (("tart", "1.1"), ("plums", "1.0"))
    }
    r = {"Version": "4.2.2", "Repositories": [{"Name": "CRAN", "URL": repository}]}
    (tmp_path / "renv.lock").write_text(json.dumps({"R": r, "Packages": packages}))
    (library,) = cache.build(read_environment(tmp_path / "renv.lock")).r_libraries
    code = f".libPaths({library!r}); cat(tart::bake())"
    assert output("Rscript", "--vanilla", "-e", code) == "tart with plums 1.0"


def test_another_version_of_r_is_refused_before_anything_is_built(cache: EnvironmentCache) -> None:
    here = output("Rscript", "--vanilla", "-e", "cat(format(getRversion()))")
    for version in (here, here.rpartition(".")[0]):
        cache.build(Environment("kitchen", r=RSection(version=version)))
    with pytest.raises(MissingDependency, match=rf"needs R 3\.6, and .* is of version {here}"):
        cache.build(Environment("kitchen", r=RSection(version="3.6")))


@pytest.mark.parametrize(
    ("package", "words"),
    [
        (
            RPackage("jam", source="http://127.0.0.1:9/jam.tar.gz"),
            "be downloaded: jam; http",
        ),
        (RPackage("jam", source="/nowhere/jam.tar.gz"), "cannot be downloaded: jam; file:///now"),
        (RPackage("nosuch"), "not in the repositories: nosuch"),
        (RPackage("plums", "7.0"), "no such version in the repositories: plums 7.0"),
        (RPackage("burnt"), "could not be installed: burnt"),
    ],
)
def test_an_r_package_that_cannot_be_had_is_named(
    cache: EnvironmentCache, repository: str, package: RPackage, words: str
) -> None:
    with pytest.raises(MissingDependency, match=words):
        cache.build(Environment("kitchen", r=RSection((package,), (repository,))))
    assert cache.built() == []


def test_a_package_that_the_machine_has_is_not_installed_again(cache: EnvironmentCache) -> None:
    environment = Environment("kitchen", r=RSection((RPackage("jsonlite"),), ("file:///nowhere",)))
    (library,) = cache.build(environment).r_libraries
    assert list(Path(library).iterdir()) == []


def test_packages_of_the_system_are_asked_for(cache: EnvironmentCache) -> None:
    with pytest.raises(MissingDependency, match=r"not installed: no-such-deb\.") as caught:
        cache.build(
            Environment("kitchen", r=RSection(system_packages=("base-files", "no-such-deb")))
        )
    assert caught.value.hint == "sudo apt-get install no-such-deb"


def not_used_for(cache: EnvironmentCache, environment: Environment, *, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(cache.root / cache.key(environment) / "built.json", (then, then))


def test_unused_environments_and_unfinished_builds_are_pruned(cache: EnvironmentCache) -> None:
    environment = Environment("study", SIX)
    cache.build(environment)
    assert cache.prune(unused_days=1) == []
    (built,) = cache.built()
    assert (built.name, built.size > 1000) == ("study", True)
    left = cache.root / "0123"
    left.mkdir()
    (cache.root / "4567.log").touch()
    with (cache.root / "0123.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as whoever builds it holds it
        assert cache.prune(unused_days=1) == []
    (removed,) = cache.prune(unused_days=1)
    assert (removed.key, removed.is_finished, left.exists()) == ("0123", False, False)
    assert cache.prune(unused_days=0) == []  # a job may be about to start with it
    not_used_for(cache, environment, hours=2)
    assert [each.key for each in cache.prune(unused_days=0)] == [built.key]
    assert cache.built() == [] and not cache.is_built(environment)
    assert {path.suffix for path in cache.root.iterdir()} == {".lock"}


def test_an_environment_that_a_process_uses_is_not_pruned(
    cache: EnvironmentCache, kitchen: Environment
) -> None:
    study = Environment("study", SIX)
    built, in_r = cache.build(study), EnvironmentCache().build(kitchen)
    variables = {**os.environ, "R_LIBS": in_r.r_libraries[0]}
    not_used_for(cache, study, hours=2)
    not_used_for(EnvironmentCache(), kitchen, hours=2)
    for command, place in (([str(built.python)], cache), (["cat"], EnvironmentCache())):
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=variables) as process:
            wait_until(lambda child=process: Path(f"/proc/{child.pid}/cmdline").read_bytes())
            assert place.prune(unused_days=0) == []
            process.communicate()
    assert [each.name for each in cache.prune(unused_days=0)] == ["study"]


def test_environments_share_the_files_of_their_packages(cache: EnvironmentCache) -> None:
    both = [Environment("a", SIX), Environment("b", PythonSection(("six==1.16.0", "attrs")))]
    folders = [Path(cache.build(each).python or "").parents[1] for each in both]
    files = [next(folder.glob("lib/*/site-packages/six.py")) for folder in folders]
    assert files[0].parent != files[1].parent and files[0].samefile(files[1])


# In jobs


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "job.py").write_text(
        "import six, os, shutil\nfrom tandemlab import Run\n"
        "run = Run.get_context(); run.log('six', six.__version__)\n"
        "print(os.environ['GREETING'], shutil.which('python'))"
    )
    (folder / "job.R").write_text("library(tandemlab); log_metric_to_run('made', tart::bake())")
    return folder


def test_a_python_job_runs_in_its_environment(
    workspace: Workspace, source: Path, cache: EnvironmentCache
) -> None:
    environment = Environment("study", SIX, variables={"GREETING": "hello"})
    config = ScriptRunConfig(source, "job.py", environment=environment)
    run = workspace.experiment("jobs").submit(config)
    run.wait_for_completion(timeout_seconds=60)
    assert run.get_metrics() == {"six": "1.16.0"}
    python = cache.locate(environment).python
    assert run.read_log()[0] == f"hello {python}\n"
    assert "system/environment_build.log" in run.get_file_names()
    found = run.get_environment()
    assert found is not None and found["packages"]["six"] == "1.16.0"
    again = workspace.experiment("jobs").submit(config)
    again.wait_for_completion(timeout_seconds=60)
    assert "system/environment_build.log" not in again.get_file_names()


def test_an_r_job_runs_in_its_environment(
    workspace: Workspace, source: Path, kitchen: Environment
) -> None:
    config = ScriptRunConfig(source, "job.R", environment=kitchen)
    run = workspace.experiment("jobs").submit(config)
    run.wait_for_completion(timeout_seconds=60)
    assert run.get_metrics() == {"made": "tart with plums 2.0"}


def test_a_missing_package_fails_the_run_before_its_script_starts(
    workspace: Workspace, source: Path, cache: EnvironmentCache
) -> None:
    environment = Environment("study", PythonSection(("surely-no-such-package-1",)))
    run = workspace.experiment("jobs").submit(
        ScriptRunConfig(source, "job.py", environment=environment)
    )
    with pytest.raises(RunFailed, match="surely-no-such-package-1"):
        run.wait_for_completion(timeout_seconds=60)
    assert (run.status, run.read_log()[0]) == (RunStatus.FAILED, "")


def test_a_run_is_canceled_while_its_environment_is_built(
    workspace: Workspace, source: Path, cache: EnvironmentCache, tmp_path: Path
) -> None:
    gate = tmp_path / "slow"
    gate.mkdir()
    (gate / "setup.py").write_text("import time; time.sleep(60)")
    environment = Environment("study", PythonSection((str(gate),)))
    run = workspace.experiment("jobs").submit(
        ScriptRunConfig(source, "job.py", environment=environment)
    )
    wait_until(lambda: run.status is RunStatus.PREPARING)
    run.cancel()
    run.wait_for_completion(raise_on_error=False, timeout_seconds=30)
    assert run.status is RunStatus.CANCELED


def test_an_environment_and_an_interpreter_exclude_each_other(
    workspace: Workspace, source: Path, cache: EnvironmentCache
) -> None:
    config = ScriptRunConfig(
        source, "job.py", interpreter=sys.executable, environment=Environment("study", SIX)
    )
    with pytest.raises(InvalidInput, match="has a python of its own"):
        workspace.experiment("jobs").submit(config)
    assert json.loads(json.dumps(workspace.runs_table("jobs")))["run_id"] == []
