"""What scripts and models need of Python, as far as their files tell: for packages of services.

Nothing is imported and no model is loaded: scripts are parsed, and of pickles only the names of the
modules are read that their objects come from.
"""

from __future__ import annotations

import ast
import bz2
import gzip
import json
import lzma
import pickletools
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path

_MOST = 64 << 20  # bytes of a pickle that are looked at
_LOADERS = {".joblib": "joblib", ".onnx": "onnxruntime", ".pt": "torch", ".pth": "torch"}
_PICKLES = (".pkl", ".pickle", ".joblib")
_UNPACKERS: tuple[Callable[[bytes], bytes], ...] = (
    zlib.decompress,
    gzip.decompress,
    bz2.decompress,
    lzma.decompress,
)


@dataclass(frozen=True, slots=True)
class Needs:
    """Packages that scripts and models use.

    Attributes:
        requirements: in the versions that this Python has, or as a model's own file says.
        unknown: modules that this Python does not have.
    """

    requirements: tuple[str, ...]
    unknown: tuple[str, ...]


def needs_of(source: Path, models: Path) -> Needs:
    """What the scripts in one folder and the models in another need."""
    modules = {name for path in source.rglob("*.py") for name in _imported(path)}
    modules -= {path.stem for path in source.rglob("*.py")}
    modules -= {path.name for path in source.rglob("*") if path.is_dir()}
    stated: set[str] = set()
    for path in models.rglob("*"):
        if path.name == "requirements.txt" and path.with_name("MLmodel").exists():
            stated |= {line.strip() for line in path.read_text("utf-8").splitlines() if line}
        modules |= set(_of_model(path)) if path.is_file() else set()
    modules -= {*sys.stdlib_module_names, "tandemlab", "__main__"}
    owners = packages_distributions()
    found = {_pinned(owners[name][0]) for name in modules if name in owners}
    told = {package_name(each) for each in stated}
    more = {each for each in found if package_name(each) not in told}
    return Needs(tuple(sorted(stated | more)), tuple(sorted(modules - set(owners))))


def package_name(requirement: str) -> str:
    """The name of a requirement's package in its normal form.

    >>> package_name("Scikit_Learn==1.5")
    'scikit-learn'
    """
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else requirement


def _pinned(distribution: str) -> str:
    """The package in the version that is here; a build's own label is in no index."""
    return f"{distribution}=={version(distribution).partition('+')[0]}"


def _imported(path: Path) -> Iterator[str]:
    with suppress(SyntaxError, ValueError):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (each.name.partition(".")[0] for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


def _of_model(path: Path) -> Iterator[str]:
    ending = path.suffix.lower()
    if ending in _LOADERS:
        yield _LOADERS[ending]
    if ending in _PICKLES:
        yield from _modules_of_pickle(_unpacked(path))
    elif ending == ".skops":
        yield "skops"
        with suppress(zipfile.BadZipFile, KeyError, ValueError), zipfile.ZipFile(path) as content:
            yield from _modules_of_skops(json.loads(content.read("schema.json")))


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(_MOST)
    for unpack in _UNPACKERS:
        with suppress(zlib.error, OSError, ValueError, EOFError, lzma.LZMAError):
            return unpack(content)
    return content


def _modules_of_pickle(content: bytes) -> Iterator[str]:
    """The modules that objects come from, up to the first array that joblib wrote between them."""
    texts: list[str] = []
    memo: dict[object, str] = {}
    count = 0
    with suppress(Exception):  # whatever is in the file, which nobody vouches for
        for code, argument, _ in pickletools.genops(content):
            if code.name in ("GLOBAL", "INST"):
                yield str(argument).partition(" ")[0].partition(".")[0]
            elif code.name == "STACK_GLOBAL" and len(texts) > 1:
                yield texts[-2].partition(".")[0]
            elif isinstance(argument, str):
                texts.append(argument)
            elif code.name in ("BINGET", "LONG_BINGET") and argument in memo:
                texts.append(memo[argument])
            if code.name == "MEMOIZE":
                if texts:
                    memo[count] = texts[-1]
                count += 1
            elif code.name in ("BINPUT", "LONG_BINPUT") and texts:
                memo[argument] = texts[-1]


def _modules_of_skops(content: object) -> Iterator[str]:
    if isinstance(content, dict):
        name = content.get("__module__")
        if isinstance(name, str):
            yield name.partition(".")[0]
        for each in content.values():
            yield from _modules_of_skops(each)
    elif isinstance(content, list):
        for each in content:
            yield from _modules_of_skops(each)
