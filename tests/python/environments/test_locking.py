"""Locks are made by uv and R, kept as plain data, and built from exactly."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tandemlab import Environment, ScriptRunConfig, Workspace
from tandemlab.domain import InvalidInput, MissingDependency
from tandemlab.environments import (
    EnvironmentCache,
    LockedPackage,
    PythonLock,
    PythonSection,
    RLock,
    RPackage,
    RSection,
    lock_environment,
    read_environment,
    save_environment,
)

SIX = LockedPackage(
    "six==1.16.0", ("sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254",)
)
LOCKED = Environment("study", PythonSection(("six<1.17",), lock=PythonLock((SIX,), ("six<1.17",))))


def printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.full
def test_a_lock_has_exact_versions_with_hashes_and_is_plain_data(tmp_path: Path) -> None:
    locked = lock_environment(Environment("study", PythonSection(("six<1.17",))))
    lock = locked.python.lock
    assert lock is not None and lock.requirements == ("six<1.17",)
    (six,) = [each for each in lock.packages if each.requirement.startswith("six==")]
    assert six.requirement == "six==1.16.0" and SIX.hashes[0] in six.hashes
    assert any(each.requirement.startswith("sqlalchemy==") for each in lock.packages)
    assert read_environment(save_environment(locked, tmp_path / "e.yml")) == locked


@pytest.mark.full
def test_exactly_what_is_locked_is_installed(cache: EnvironmentCache) -> None:
    built = cache.build(LOCKED)
    assert printed(str(built.python), "-c", "import six; print(six.__version__)") == "1.16.0"
    other = replace(SIX, hashes=(f"sha256:{'0' * 64}",))
    forged = replace(LOCKED.python, lock=PythonLock((other,), ("six<1.17",)))
    with pytest.raises(MissingDependency, match=r"[Hh]ash mismatch for .*six==1\.16\.0"):
        cache.build(LOCKED.replace(python=forged))
    short = replace(LOCKED.python, requirements=("six<1.17", "python-dateutil"))
    lock = PythonLock((replace(SIX, requirement="python-dateutil==2.9.0"),), short.requirements)
    with pytest.raises(
        MissingDependency, match=r"cannot be built: six: .*Hash-checking is required"
    ):
        cache.build(LOCKED.replace(python=replace(short, lock=lock)))


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ({"requirements": ("six<1.17", "pandas")}, "it has nothing for pandas"),
        ({"requirements": ()}, "six<1.17 is no longer asked for"),
        ({"version": "3.9"}, "made for Python 3.11, and this is 3.9"),
        ({"lock": PythonLock((SIX,), ("six<1.17",), platform="vax-vms")}, "made for vax-vms"),
    ],
)
def test_a_lock_that_does_not_fit_is_an_error_before_anything_is_built(
    workspace: Workspace, tmp_path: Path, python: dict[str, object], words: str
) -> None:
    (tmp_path / "a.py").touch()
    lock = PythonLock((SIX,), ("six<1.17",), "3.11")
    section = replace(LOCKED.python, **{"lock": lock, **python})
    changed = LOCKED.replace(python=section)
    with pytest.raises(InvalidInput, match=words) as caught:
        workspace.experiment("jobs").submit(ScriptRunConfig(tmp_path, "a.py", environment=changed))
    assert "tandemlab environment lock" in (caught.value.hint or "")
    assert list(workspace.experiment("jobs").get_runs()) == []


def test_packages_of_r_have_a_lock_that_must_fit_too(cache: EnvironmentCache) -> None:
    lock = RLock((RPackage("plums", "1.0"),), (RPackage("plums"),))
    with pytest.raises(InvalidInput, match="it has nothing for tart"):
        cache.build(Environment("kitchen", r=RSection((RPackage("tart"),), lock=lock)))
    with pytest.raises(InvalidInput, match="without a version: plums"):
        RLock((RPackage("plums"),), ())


@pytest.mark.full
def test_a_lock_of_r_keeps_what_the_repository_had_then(
    cache: EnvironmentCache, repository: str
) -> None:
    loose = Environment("kitchen", r=RSection((RPackage("tart"),), (repository,)))
    locked = lock_environment(loose)
    assert locked.r.lock is not None
    assert locked.r.lock.packages == (
        RPackage("plums", "2.0", repository),
        RPackage("tart", "1.1", repository),
    )
    older = replace(
        locked.r.lock,
        packages=(RPackage("plums", "1.0", repository), locked.r.lock.packages[1]),
    )
    (library,) = cache.build(locked.replace(r=replace(locked.r, lock=older))).r_libraries
    code = f".libPaths({library!r}); cat(tart::bake())"
    assert printed("Rscript", "--vanilla", "-e", code) == "tart with plums 1.0"
    pinned = loose.replace(r=replace(loose.r, packages=(RPackage("plums", "1.0"),)))
    found = lock_environment(pinned).r.lock
    assert found is not None and found.packages == (RPackage("plums", "1.0"),)
    with pytest.raises(MissingDependency, match="not in the repositories: nosuch"):
        lock_environment(loose.replace(r=replace(loose.r, packages=(RPackage("nosuch"),))))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (Environment("study"), "nothing to lock"),
        (Environment("study", PythonSection(conda=("gdal",))), "not locked: gdal"),
    ],
)
def test_what_cannot_be_locked_is_refused(environment: Environment, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        lock_environment(environment)


@pytest.mark.full
def test_a_requirement_that_cannot_be_had_is_named() -> None:
    with pytest.raises(MissingDependency, match="cannot be locked: surely-no-such-package-1"):
        lock_environment(Environment("study", PythonSection(("surely-no-such-package-1",))))


def test_requirements_with_hashes_are_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"# made by uv\nsix==1.16.0 \\\n    --hash={SIX.hashes[0]}\n    # via study\n")
    python = read_environment(path).python
    assert python == PythonSection(("six==1.16.0",), lock=PythonLock((SIX,), ("six==1.16.0",)))
    path.write_text(f"six==1.16.0 --hash={SIX.hashes[0]}\npandas\n")
    with pytest.raises(InvalidInput, match="'pandas' is not locked"):
        read_environment(path)
