"""What the processes of a search share: its data, mapped into the memory of all of them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

STUDY_FILE = "study.pickle"
_ARRAYS = ("x", "y", "weights", "held")


class SharedData:
    """What the tasks of a search are done with.

    Of a table, ``x.npy`` is the matrix, ``y.npy`` the target, ``weights.npy`` (optional) its
    weights and ``held.npy`` says for each row and fold whether the fold is measured on the row;
    ``about.json`` has the rest. Of series, ``study.pickle`` has all.

    Args:
        folder: of these files.
        trials: where tasks put what they make.
        node: of a cluster, that this is on; None for the machine of the search.
    """

    def __init__(self, folder: Path, trials: Path, node: str | None = None) -> None:
        self.folder = folder
        self.trials = trials
        self.node = node

    def write(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        weights: NDArray[Any] | None,
        held: NDArray[Any],
        about: Mapping[str, Any],
    ) -> None:
        """Write the data of a table."""
        import numpy

        arrays = {"x": x, "y": y, "weights": weights, "held": held}
        for name, array in arrays.items():
            if array is not None:
                numpy.save(self.folder / f"{name}.npy", array)
        (self.folder / "about.json").write_text(json.dumps(about), encoding="utf-8")

    def _mapped(self, name: str) -> Any:
        import numpy

        path = self.folder / f"{name}.npy"
        return numpy.load(path, mmap_mode="r") if path.exists() else None

    @cached_property
    def x(self) -> NDArray[Any]:
        """The matrix."""
        return self._mapped("x")

    @cached_property
    def y(self) -> NDArray[Any]:
        """The target."""
        return self._mapped("y")

    @cached_property
    def weights(self) -> NDArray[Any] | None:
        """Weights of the rows."""
        return self._mapped("weights")

    @cached_property
    def held(self) -> NDArray[Any]:
        """Whether a fold (column) is measured on a row."""
        return self._mapped("held")

    @cached_property
    def about(self) -> dict[str, Any]:
        """``task``, ``metric``, ``classes``, ``categories``, ``levels``, ``never`` (rows)."""
        return dict(json.loads((self.folder / "about.json").read_text(encoding="utf-8")))

    @cached_property
    def study(self) -> Any:
        """The `Study` of series."""
        return pickle.loads(self._study)

    @cached_property
    def _study(self) -> bytes:
        return (self.folder / STUDY_FILE).read_bytes()

    def loaded(self) -> SharedData:
        """The same without its files: pickled, it can be used on another machine."""
        import numpy

        found = SharedData(self.folder, self.trials)
        if (self.folder / STUDY_FILE).exists():
            found._study = self._study
            return found
        for name in _ARRAYS:
            array = getattr(self, name)
            setattr(found, name, None if array is None else numpy.asarray(array))
        found.about = self.about
        return found

    def rows(self, fold: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The rows that a fold is trained on, and those that it is measured on."""
        import numpy

        held = numpy.asarray(self.held[:, fold])
        train = ~held
        if self.about["never"] is not None:
            train[self.about["never"] :] = False
        return train.nonzero()[0], held.nonzero()[0]
