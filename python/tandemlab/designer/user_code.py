"""Code of people, run in the process of a step."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tandemlab.domain import InvalidInput

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray


def executed(code: str, name: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """What code has defined when it has run.

    Args:
        name: what tracebacks call it, with the numbers of lines.
        given: names that it finds.
    """
    scope: dict[str, Any] = {"__name__": name, **(given or {})}
    exec(compile(code, f"<{name}>", "exec"), scope)
    return scope


@dataclass(frozen=True)
class PythonCode:
    """The code of an Execute Python Script."""

    code: str

    def results(
        self, frame1: pandas.DataFrame | None, frame2: pandas.DataFrame | None
    ) -> dict[str, pandas.DataFrame]:
        """The frames that the code gives.

        Raises:
            InvalidInput: it gives something else; the message says what.
        """
        scope = executed(self.code, "script", {"frame1": frame1, "frame2": frame2})
        if callable(scope.get("azureml_main")):
            found = scope["azureml_main"](frame1, frame2)
        elif "result" in scope:
            found = scope["result"]
        else:
            raise InvalidInput(
                "The code has neither a function azureml_main nor a variable result.",
                hint="Define azureml_main(frame1, frame2), or leave a data frame as result.",
            )
        _keep_figures()
        return dict(zip(("result1", "result2"), _two(found), strict=True))


def _two(found: Any) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    import pandas

    made = list(found) if isinstance(found, (tuple, list)) else [found]
    made += [pandas.DataFrame()] * (2 - len(made))
    wrong = next((each for each in made if not isinstance(each, pandas.DataFrame)), None)
    if len(made) > 2 or not all(isinstance(each, pandas.DataFrame) for each in made):
        kind = f"{len(made)} values" if len(made) > 2 else type(wrong).__name__
        raise InvalidInput(
            f"The code gives {kind}, and no data frame of pandas.",
            hint="Return one data frame, or two in a tuple.",
        )
    return made[0], made[1]


def _keep_figures() -> None:
    """Log the figures of matplotlib that are open, where a run is there."""
    from tandemlab.domain import TandemlabError
    from tandemlab.tracking import Run

    plots = sys.modules.get("matplotlib.pyplot")
    if plots is None or not plots.get_fignums():
        return
    try:
        run = Run.get_context(allow_offline=False)
    except TandemlabError:
        return
    for number in plots.get_fignums():
        run.log_image(f"figure_{number}", plot=plots.figure(number))


@dataclass
class PythonModel:
    """The class of a Create Python Model, with the methods of an estimator of scikit-learn.

    It is pickled as its code and what its object holds, so that the class need not be importable.
    """

    code: str
    classes: int = 0
    model: Any = field(default=None, repr=False)

    def fit(self, x: NDArray[Any], y: NDArray[Any]) -> PythonModel:
        """Have it train.

        Raises:
            InvalidInput: the class is not there.
        """
        import pandas

        self.classes = int(y.max()) + 1 if y.dtype.kind == "i" else 0
        self.model = self._new()
        self.model.train(_frame(x), pandas.Series(y, name="label"))
        return self

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        """What it says of each row.

        Raises:
            InvalidInput: not one value for each row.
        """
        import numpy

        found = numpy.asarray(self.model.predict(_frame(x))).reshape(-1)
        if len(found) != len(x):
            raise InvalidInput(f"predict() gave {len(found)} values for {len(x)} rows.")
        return found

    def predict_proba(self, x: NDArray[Any]) -> NDArray[Any]:
        """Probabilities; 1 for what is predicted where the class has none."""
        import numpy

        if hasattr(self.model, "predict_proba"):
            return numpy.asarray(self.model.predict_proba(_frame(x)))
        return numpy.eye(self.classes)[self.predict(x).astype("int64")]

    def _new(self) -> Any:
        kind = executed(self.code, "model").get("AzureMLModel")
        if not isinstance(kind, type):
            raise InvalidInput("The code has no class AzureMLModel.")
        return kind()

    def __getstate__(self) -> dict[str, Any]:
        held = None if self.model is None else vars(self.model)
        return {"code": self.code, "classes": self.classes, "held": held}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.code, self.classes, self.model = state["code"], state["classes"], None
        if state["held"] is not None:
            kind = executed(self.code, "model")["AzureMLModel"]
            self.model = kind.__new__(kind)
            vars(self.model).update(state["held"])


def _frame(x: NDArray[Any]) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame(x, columns=[f"x{place}" for place in range(x.shape[1])])
