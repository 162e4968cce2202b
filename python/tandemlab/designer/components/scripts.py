"""Components that run code of people, in Python and R."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from tandemlab.designer.component import Columns, Component, ComponentParameters, Port, code_in
from tandemlab.designer.learning import Learner
from tandemlab.designer.user_code import PythonCode, PythonModel
from tandemlab.domain.pipelines import Function

if TYPE_CHECKING:
    import pandas

_FRAMES = {
    "frame1": Port("table", "The frame frame1.", optional=True),
    "frame2": Port("table", "The frame frame2.", optional=True),
}
_RESULTS = {
    "result1": Port("table", "The first frame that the code gives."),
    "result2": Port("table", "The second; without one, a table without rows and columns."),
}
_PYTHON = """\
def azureml_main(frame1=None, frame2=None):
    return frame1
"""
_R = """\
azureml_main <- function(frame1, frame2) {
  frame1
}
"""
_MODEL = """\
from sklearn.naive_bayes import GaussianNB


class AzureMLModel:
    def train(self, frame, label):
        self.model = GaussianNB().fit(frame, label)

    def predict(self, frame):
        return self.model.predict(frame)
"""
_R_STEP = """\
function(frame1 = NULL, frame2 = NULL) {{
  tandemlab:::run_component_code({code}, frame1, frame2, {packages})
}}
"""


class ExecutePythonScript(Component):
    """Runs code in Python on up to two tables.

    The code either has a function ``azureml_main(frame1, frame2)`` that returns a data frame of
    pandas, or two, or is plain lines that use ``frame1`` and ``frame2`` and leave the frame, or two
    in a tuple, as ``result``. What it prints is in the step's log. Figures of matplotlib that are
    open at the end are kept with the run, and ``Run.get_context()`` logs whatever else.

    >>> import pandas
    >>> double = ExecutePythonScript(code="result = frame1 * 2")
    >>> double.run(pandas.DataFrame({"x": [1, 2]}))["result1"]["x"].tolist()
    [2, 4]
    """

    name = "execute_python_script"
    title = "Execute Python script"
    category = "Python and R"
    keywords = ("code", "custom", "pandas")
    inputs = _FRAMES
    outputs = _RESULTS

    class Parameters(ComponentParameters):
        """The code."""

        code: str = code_in("python", _PYTHON, min_length=1, description="What is run.")

        @field_validator("code")
        @classmethod
        def _is_python(cls, code: str) -> str:
            try:
                compile(code, "script", "exec")
            except (SyntaxError, ValueError) as problem:
                raise ValueError(f"this is no Python: {problem}") from None
            return code

    def run(
        self, frame1: pandas.DataFrame | None = None, frame2: pandas.DataFrame | None = None
    ) -> dict[str, Any]:
        """The frames that the code gives."""
        return PythonCode(self.parameters.code).results(frame1, frame2)

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """They are the code's."""
        return {"result1": None, "result2": None}


class ExecuteRScript(Component):
    """Runs code in R on up to two tables.

    The code either has a function ``azureml_main(frame1, frame2)`` that returns a data frame, or a
    list of two, or is plain lines that use ``frame1`` and ``frame2`` and leave the frame, or a list
    of two, as ``result``. What it prints is in the step's log. Plots are kept with the run as
    ``outputs/plot-01.png`` and so on, and ``log_metric_to_run()`` and its like log whatever else.

    >>> ExecuteRScript(code="result <- frame1").function().language
    'r'
    """

    name = "execute_r_script"
    title = "Execute R script"
    category = "Python and R"
    keywords = ("code", "custom", "ggplot2", "dplyr")
    inputs = _FRAMES
    outputs = _RESULTS

    class Parameters(ComponentParameters):
        """The code."""

        code: str = code_in("r", _R, min_length=1, description="What is run.")
        packages: list[str] = Field(
            [], description="Packages that the code uses: looked for before it is run."
        )

        @field_validator("packages")
        @classmethod
        def _are_names(cls, packages: list[str]) -> list[str]:
            for name in packages:
                if not name.replace(".", "").isalnum():
                    raise ValueError(f"{name!r} is no name of a package")
            return packages

    def run(self, *args: Any, **inputs: Any) -> Any:
        """R runs it: see `function`."""
        raise NotImplementedError("The code is run by R, in a step of a pipeline.")

    def columns(self, inputs: Any) -> dict[str, Columns | None]:
        """They are the code's."""
        return {"result1": None, "result2": None}

    def function(self) -> Function:
        """A function of R that runs the code."""
        given = self.parameters
        packages = ", ".join(_in_r(name) for name in given.packages)
        text = _R_STEP.format(code=_in_r(given.code), packages=f"c({packages})")
        return Function("r", self.name, text)


def _in_r(text: str) -> str:
    r"""A text as R's source has it.

    >>> print(_in_r("a\n\"b\""))
    "a\n\"b\""
    """
    return json.dumps(text, ensure_ascii=False)


class CreatePythonModel(Component):
    """Makes a learner of a class in Python.

    The class ``AzureMLModel`` has ``train(frame, label)`` and ``predict(frame)``, and for classes
    perhaps ``predict_proba(frame)``. It gets frames of numbers: categories, dates and texts have
    become columns before, and classes are 0, 1, 2 and so on.

    >>> CreatePythonModel(task="multiclass classification").run().task
    'multiclass classification'
    """

    name = "create_python_model"
    title = "Create Python model"
    category = "Python and R"
    keywords = ("code", "custom", "estimator")
    outputs = {"learner": Port("learner", "What Train model and its like train.")}

    class Parameters(ComponentParameters):
        """The class, and what it learns."""

        task: Literal["two-class classification", "multiclass classification", "regression"] = (
            Field("multiclass classification", description="What it learns.")
        )
        code: str = code_in("python", _MODEL, min_length=1, description="With the class.")

        @field_validator("code")
        @classmethod
        def _has_class(cls, code: str) -> str:
            try:
                compile(code, "model", "exec")
            except (SyntaxError, ValueError) as problem:
                raise ValueError(f"this is no Python: {problem}") from None
            if "class AzureMLModel" not in code:
                raise ValueError("there is no class AzureMLModel in it")
            return code

    def run(self) -> Learner:
        """What is to be trained, as data."""
        return Learner(self.name, self.parameters.task, self.parameters.model_dump())

    def estimator(self) -> Any:
        """The class behind scikit-learn's methods."""
        return PythonModel(self.parameters.code)
