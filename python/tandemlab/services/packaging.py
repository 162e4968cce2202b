"""Packages: a service as a folder that needs no workspace, and that container images are made of.

::

    Dockerfile         makes an image of the folder
    run.sh             starts the service, in the image and outside of it
    requirements.txt   what the service needs of Python, and its script and models if no environment
                       says it
    README.md          how it is started and asked
    service/           the folder of a service: its settings, script and models
    core/              tandemlab for Python
    r/                 tandemlab for R, where the script is one of R
"""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tandemlab.compute.r_package import r_package_here
from tandemlab.compute.remote.staging import SharedFolder, core
from tandemlab.domain import AlreadyExists, InvalidInput, MissingDependency
from tandemlab.domain.environments import Environment, RSection
from tandemlab.environments.containers import build_image
from tandemlab.environments.python_build import core_requirements
from tandemlab.services.deployment import (
    Deployment,
    InferenceConfig,
    LocalWebserviceDeploymentConfiguration,
)
from tandemlab.services.folder import ServiceFolder, service_folder
from tandemlab.services.needed_packages import Needs, needs_of, package_name
from tandemlab.services.plans import plan_deployment
from tandemlab.services.served_models import ModelSource
from tandemlab.store.durable import storage_errors, write_file
from tandemlab.training.languages import Language
from tandemlab.version import __version__

if TYPE_CHECKING:
    from tandemlab.tracking import Workspace

_PORT = 5001
_R_SYSTEM = ("python3", "python3-venv", "r-base-core", "liblz4-1", "libzstd1")
_R_PACKAGES = ("cli", "jsonlite", "reticulate", "rlang")
_DISTRIBUTIONS = ("debian", "ubuntu")


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """A service as a folder that runs without a workspace, and maybe an image of it.

    Attributes:
        name: of the service.
        folder: `Dockerfile`, `run.sh` and what they need.
        location: the image's name; None if none was built.
    """

    name: str
    folder: Path
    location: str | None = None

    def save(self, output_directory: str | Path) -> Path:
        """Copy the folder; its new path.

        Raises:
            AlreadyExists: there is something at that place already.
        """
        with _making(Path(output_directory)) as made, storage_errors(made):
            shutil.copytree(self.folder, made, dirs_exist_ok=True)
        return Path(output_directory)

    def build_image(self, image: str) -> ModelPackage:
        """Build an image by podman or docker; the package with its name.

        Raises:
            MissingDependency: there is no engine that builds images, or a step of it failed.
        """
        build_image(self.folder, image, self._log)
        return replace(self, location=image)

    def get_logs(self) -> str:
        """What the engine said while it built the image; empty if none was built."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Return at once: a package is whole when `package_model` gives it.

        Args:
            show_output: whether to print the log of the image.
        """
        if show_output:
            sys.stdout.write(self.get_logs())

    @property
    def _log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")


def package_model(
    workspace: Workspace,
    models: Sequence[ModelSource],
    inference_config: InferenceConfig | None = None,
    *,
    generate_dockerfile: bool = False,
    output_directory: str | Path | None = None,
    name: str | None = None,
    image: str | None = None,
    base_image: str | None = None,
    deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
) -> ModelPackage:
    """Make a folder, and an image, that answers requests by models without a workspace.

    ``sh run.sh --port 8080`` in the folder starts the service, where Python has what
    ``requirements.txt`` names. An image of it listens at port 5001. The packages of the
    configuration's environment are installed into the image when it is built, and outside of an
    image when the service starts. Without an environment ``requirements.txt`` names, beside what
    tandemlab needs, what the Python script imports and the models are made of, in the versions that
    are here; an R script finds what its image, or the machine, has.

    Args:
        models, inference_config: as for `deploy_model`.
        generate_dockerfile: whether to make the folder alone, and no image, which needs podman or
            docker.
        output_directory: the folder, which must not be there; None for one that is removed some
            time after this session.
        name: of the service; None for that of the first model.
        image: of the image; None for ``NAME:latest``.
        base_image: that the image starts from; None for Python's own, or for R the distribution of
            this machine, Debian or Ubuntu.
        deployment_config: how much it may do; where it listens is said when it starts.

    Raises:
        InvalidInput: the script or a model is not there, or nothing is known of an image to start
            from.
        AlreadyExists: the output directory is there already.
        MissingDependency: there is no engine that builds images, or a step of it failed.

    >>> workspace = getfixture("workspace")
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "add.py").write_text("def run(data): return sum(eval(data))")
    >>> config = InferenceConfig(folder / "add.py")
    >>> made = package_model(workspace, [], config, name="add", generate_dockerfile=True)
    >>> (made.folder / "Dockerfile").read_text().splitlines()[0]
    'FROM docker.io/library/python:3...-slim'
    """
    config = inference_config or InferenceConfig()
    target = Path(output_directory or Path(tempfile.mkdtemp(prefix="tandemlab-")) / "package")
    with _making(target) as made:
        place = service_folder(made, name or _name_of(models))
        settings = deployment_config or LocalWebserviceDeploymentConfiguration()
        plan = plan_deployment(workspace, place, models, config, settings)
        plan = replace(
            plan,
            source_directory=None if plan.source_directory is None else ".",
            models=tuple(replace(each, path=None) for each in plan.models),
        )
        place.write(plan)
        with storage_errors(made):
            place.path.rename(made / "service")
            (made / "services").rmdir()
        _write_texts(made, plan, base_image or _base_image(plan))
        _copy_core(made / "core")
        if plan.language == Language.R.value:
            _copy(_r_package(), made / "r")
    package = ModelPackage(plan.name, target.absolute())
    return package if generate_dockerfile else package.build_image(image or f"{plan.name}:latest")


@contextmanager
def _making(target: Path) -> Iterator[Path]:
    """A folder that becomes `target` when it is whole."""
    target = target.expanduser().absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise AlreadyExists(
            f"There is something at {target} already.",
            hint="Give the path of a folder that is not there yet.",
            details={"path": str(target)},
        )
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield made
        with storage_errors(target):
            made.chmod(0o755)
            made.rename(target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _name_of(models: Sequence[ModelSource]) -> str:
    if isinstance(models, (list, tuple)) and models:
        first = models[0]
        return re.split("[:@]", Path(getattr(first, "name", str(first))).stem)[0]
    raise InvalidInput("A package without models has no name.", hint="Give it one: name='scoring'.")


def _copy(shared: SharedFolder, target: Path) -> None:
    with storage_errors(target):
        for name in shared.files:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shared.folder / name, target / name)


def _copy_core(target: Path) -> None:
    """tandemlab, with what it says of itself: environments are built by its requirements."""
    _copy(core(), target)
    about = target / f"tandemlab-{__version__}.dist-info"
    with storage_errors(about):
        about.mkdir()
    text = importlib.metadata.distribution("tandemlab").read_text("METADATA") or ""
    write_file(about / "METADATA", text.encode())


def _r_package() -> SharedFolder:
    _, found = r_package_here()
    if found is None:
        raise MissingDependency(
            "The R of this machine has no package tandemlab, which answers requests in R.",
            hint="Install it there.",
            details={"packages": ["tandemlab"]},
        )
    return found


# What is written


def _base_image(plan: Deployment) -> str:
    if plan.language == Language.PYTHON.value:
        version = _python_of(plan) or f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"docker.io/library/python:{version}-slim"
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    if system.get("ID") not in _DISTRIBUTIONS:
        raise InvalidInput(
            "Nothing is known of an image with the R of this machine.",
            hint="Give base_image: one with this version of R, and apt-get.",
        )
    return f"docker.io/library/{system['ID']}:{system['VERSION_ID']}"


def _python_of(plan: Deployment) -> str | None:
    if plan.environment is None:
        return None
    return Environment.from_dict(plan.environment).python.version


def _write_texts(folder: Path, plan: Deployment, base: str) -> None:
    needs = _needs(folder, plan)
    texts = {
        "Dockerfile": _dockerfile(plan, base),
        "run.sh": _RUN,
        "requirements.txt": "".join(f"{each}\n" for each in _requirements(needs)),
        "README.md": _README.format(name=plan.name, port=_PORT, alone=_alone(plan, needs)),
    }
    for name, text in texts.items():
        write_file(folder / name, text.encode())


def _needs(folder: Path, plan: Deployment) -> Needs:
    """What script and models need, where no environment says it."""
    if plan.environment is not None or plan.language != Language.PYTHON.value:
        return Needs((), ())
    revision = ServiceFolder(folder / "service").revision(plan.revision)
    return needs_of(revision / "source", revision / "models")


def _requirements(needs: Needs) -> list[str]:
    """What the process of a service needs, with tandemlab's extra ``server``, and its script."""
    wanted = importlib.metadata.requires("tandemlab") or []
    pattern = re.compile(r"""(.+?)\s*;\s*extra\s*==\s*['"](?:server|client)['"]$""")
    extra = [found[1] for each in wanted if (found := pattern.match(each))]
    own = {*core_requirements(), *(each for each in extra if "tandemlab" not in each)}
    told = {package_name(each) for each in needs.requirements}
    return sorted({*needs.requirements, *(each for each in own if package_name(each) not in told)})


def _dockerfile(plan: Deployment, base: str) -> str:
    lines = [f"FROM {base}"]
    if system := _system_packages(plan):
        lines.append(
            "RUN apt-get update && apt-get install -y --no-install-recommends "
            f"{' '.join(system)} && rm -rf /var/lib/apt/lists/*"
        )
    lines += [
        "WORKDIR /opt/service",
        'ENV HOME=/opt/service TANDEMLAB_CACHE_DIR=/opt/cache PATH="/opt/python/bin:$PATH"',
        "COPY requirements.txt .",
        "RUN python3 -m venv --system-site-packages /opt/python "
        "&& python3 -m pip install --no-cache-dir -r requirements.txt "
        "&& mkdir /opt/cache && chown 1000:1000 /opt/service /opt/cache",
        "COPY --chown=1000:1000 . .",
        "USER 1000:1000",
    ]
    if plan.environment is not None:
        lines.append("RUN sh run.sh --prepare")
    lines += [
        f"EXPOSE {_PORT}",
        f'CMD ["sh", "run.sh", "--host", "0.0.0.0", "--port", "{_PORT}"]',
    ]
    return "".join(f"{line}\n" for line in lines)


def _system_packages(plan: Deployment) -> list[str]:
    """Packages of Debian and Ubuntu that the image needs beside what it starts from."""
    r = Environment.from_dict(plan.environment).r if plan.environment is not None else RSection()
    if plan.language != Language.R.value:
        return list(r.system_packages)
    compilers = ["r-base-dev"] if r.packages else []
    return [*_R_SYSTEM, *(f"r-cran-{name}" for name in _R_PACKAGES), *compilers, *r.system_packages]


_RUN = """#!/bin/sh
# Starts the service; `sh run.sh --help` shows how.
here=$(cd "$(dirname "$0")" && pwd) || exit
export PYTHONPATH="$here/core${PYTHONPATH:+:$PYTHONPATH}"
if [ -d "$here/r" ]; then
  export R_LIBS="$here/r${R_LIBS:+:$R_LIBS}"
fi
exec "${PYTHON:-python3}" -m tandemlab.services.packaged "$here/service" "$@"
"""

_README = """# The service {name}

An image, with podman or docker:

    podman build -t {name} .
    podman run --rm -p {port}:{port} -e TANDEMLAB_SERVICE_KEY=... {name}

Without one, where Python has what `requirements.txt` names:

    sh run.sh --port {port}

Requests are JSON, sent by POST to `/score`; `/openapi.json` describes them, `/readyz` says whether
it is ready, `/metrics` counts. Where others can reach the service, as in an image, requests show
its key, `Authorization: Bearer KEY`: that in `TANDEMLAB_SERVICE_KEY`, or one that is made when the
service first starts and is in `service/keys.json`.
{alone}"""


def _alone(plan: Deployment, needs: Needs) -> str:
    if plan.environment is not None:
        return ""
    if plan.language != Language.PYTHON.value:
        return (
            "\nThe service has no environment: its script finds what the image, or the machine, "
            "has, and what tandemlab needs.\n"
        )
    unknown = "".join(f"- {name}\n" for name in needs.unknown)
    missing = f"\nThese modules were not found, and are in no requirement:\n\n{unknown}"
    return (
        "\nThe service has no environment. `requirements.txt` has what its script imports and its "
        "models are made\nof, in the versions of the Python that packaged it, beside what tandemlab"
        f" needs.\n{missing if unknown else ''}"
    )
