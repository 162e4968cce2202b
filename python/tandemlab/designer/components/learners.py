"""Components that say what is to be trained."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from pydantic import Field

from tandemlab.designer.component import Component, ComponentParameters, Port
from tandemlab.designer.learning import MULTICLASS, REGRESSION, TWO_CLASS, Learner

_OUT = {"learner": Port("learner", "What Train model and its like train.")}
_SEED = Field(0, ge=0, description="Equal seeds give equal models.")


class LearnerComponent(Component):
    """What all learners have in common.

    Attributes:
        task: what is learned.
        ranges: values of parameters among which tuning looks.
    """

    outputs = _OUT
    task: ClassVar[str]
    ranges: ClassVar[dict[str, list[Any]]] = {}

    def run(self) -> Learner:
        """What is to be trained, as data."""
        return Learner(self.name, self.task, self.parameters.model_dump())

    @abstractmethod
    def estimator(self) -> Any:
        """A new estimator of scikit-learn."""


class _LogisticParameters(ComponentParameters):
    """How strongly the weights are held back."""

    regularization: float = Field(
        1.0, gt=0, description="The larger, the simpler the model; 1 is usual."
    )
    penalty: Literal["l2", "l1"] = Field(
        "l2", description="l2 makes all weights small, l1 many of them zero."
    )


class _Logistic(LearnerComponent):
    """Shared by two and several classes."""

    Parameters = _LogisticParameters
    ranges = {"regularization": [0.01, 0.1, 1.0, 10.0, 100.0], "penalty": ["l2", "l1"]}

    def estimator(self) -> Any:
        """Logistic regression."""
        from sklearn.linear_model import LogisticRegression

        given = self.parameters
        return LogisticRegression(
            C=1 / given.regularization,
            l1_ratio=1.0 if given.penalty == "l1" else 0.0,
            solver="lbfgs" if given.penalty == "l2" else "saga",
            max_iter=2000,
            random_state=0,
        )


class TwoClassLogisticRegression(_Logistic):
    """Tells two classes apart by a weighted sum of the columns.

    Quick, and its weights can be read. It is the first thing to try, and what others have to beat.
    Missing numbers become the median, categories a column for each value.

    >>> TwoClassLogisticRegression(regularization=0.1).run().task
    'two-class classification'
    """

    name = "two_class_logistic_regression"
    title = "Two-class logistic regression"
    category = "Classification"
    keywords = ("linear", "logit", "binary")
    task = TWO_CLASS


class MulticlassLogisticRegression(_Logistic):
    """Tells several classes apart by a weighted sum of the columns for each.

    >>> MulticlassLogisticRegression().run().component
    'multiclass_logistic_regression'
    """

    name = "multiclass_logistic_regression"
    title = "Multiclass logistic regression"
    category = "Classification"
    keywords = ("linear", "logit", "softmax")
    task = MULTICLASS


class _BoostingParameters(ComponentParameters):
    """How many trees, how large, and how carefully they learn."""

    trees: int = Field(100, ge=1, le=5000, description="How many trees, one after the other.")
    learning_rate: float = Field(
        0.1, gt=0, le=1, description="How much each tree counts; small values need more trees."
    )
    leaves: int = Field(31, ge=2, le=1000, description="Leaves of a tree, at most.")
    rows_per_leaf: int = Field(20, ge=1, description="Rows of the table in a leaf, at least.")
    seed: int = _SEED


class _Boosting(LearnerComponent):
    """Shared by classes and numbers."""

    Parameters = _BoostingParameters
    ranges = {
        "trees": [50, 100, 200, 400],
        "learning_rate": [0.03, 0.1, 0.3],
        "leaves": [7, 15, 31, 63],
        "rows_per_leaf": [5, 20, 50],
    }

    def _settings(self) -> dict[str, Any]:
        given = self.parameters
        return {
            "max_iter": given.trees,
            "learning_rate": given.learning_rate,
            "max_leaf_nodes": given.leaves,
            "min_samples_leaf": given.rows_per_leaf,
            "early_stopping": False,
            "random_state": given.seed,
        }

    def estimator(self) -> Any:
        """Boosted trees on histograms."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(**self._settings())


class TwoClassBoostedDecisionTree(_Boosting):
    """Tells two classes apart by trees, each of which mends what those before it got wrong.

    Often the best on tables, without much tuning.

    >>> TwoClassBoostedDecisionTree(trees=20).run().parameters["trees"]
    20
    """

    name = "two_class_boosted_decision_tree"
    title = "Two-class boosted decision tree"
    category = "Classification"
    keywords = ("gradient boosting", "gbm", "binary")
    task = TWO_CLASS


class MulticlassBoostedDecisionTree(_Boosting):
    """Tells several classes apart by trees, each of which mends what those before it got wrong.

    >>> MulticlassBoostedDecisionTree().run().task
    'multiclass classification'
    """

    name = "multiclass_boosted_decision_tree"
    title = "Multiclass boosted decision tree"
    category = "Classification"
    keywords = ("gradient boosting", "gbm")
    task = MULTICLASS


class _ForestParameters(ComponentParameters):
    """How many trees, and how deep."""

    trees: int = Field(100, ge=1, le=5000, description="How many trees.")
    max_depth: int | None = Field(
        None, ge=1, description="Questions in a row, at most; empty for any number."
    )
    rows_per_leaf: int = Field(1, ge=1, description="Rows of the table in a leaf, at least.")
    seed: int = _SEED


class _Forest(LearnerComponent):
    """Shared by classes and numbers."""

    Parameters = _ForestParameters
    ranges = {"trees": [50, 100, 300], "max_depth": [None, 5, 10, 20], "rows_per_leaf": [1, 5, 20]}

    def _settings(self) -> dict[str, Any]:
        given = self.parameters
        return {
            "n_estimators": given.trees,
            "max_depth": given.max_depth,
            "min_samples_leaf": given.rows_per_leaf,
            "random_state": given.seed,
        }

    def estimator(self) -> Any:
        """A random forest."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**self._settings())


class TwoClassDecisionForest(_Forest):
    """Tells two classes apart by the vote of trees, each grown on other rows and columns.

    Robust, and hard to overtrain.

    >>> TwoClassDecisionForest(trees=10).run().component
    'two_class_decision_forest'
    """

    name = "two_class_decision_forest"
    title = "Two-class decision forest"
    category = "Classification"
    keywords = ("random forest", "binary")
    task = TWO_CLASS


class MulticlassDecisionForest(_Forest):
    """Tells several classes apart by the vote of trees, each grown on other rows and columns.

    >>> MulticlassDecisionForest().run().task
    'multiclass classification'
    """

    name = "multiclass_decision_forest"
    title = "Multiclass decision forest"
    category = "Classification"
    keywords = ("random forest",)
    task = MULTICLASS


class _SupportVectorParameters(ComponentParameters):
    """The shape of the border, and how strict it is."""

    kernel: Literal["linear", "rbf"] = Field(
        "linear", description="linear for a straight border, rbf for a curved one."
    )
    cost: float = Field(1.0, gt=0, description="The larger, the fewer rows on the wrong side.")
    seed: int = _SEED


class _SupportVector(LearnerComponent):
    """Shared by two and several classes."""

    Parameters = _SupportVectorParameters
    ranges = {"kernel": ["linear", "rbf"], "cost": [0.1, 1.0, 10.0]}

    def estimator(self) -> Any:
        """A support vector machine, its probabilities by Platt's scaling on three folds."""
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import SVC

        given = self.parameters
        machine = SVC(kernel=given.kernel, C=given.cost, random_state=given.seed)
        return CalibratedClassifierCV(machine, cv=3, ensemble=False)


class TwoClassSupportVectorMachine(_SupportVector):
    """Tells two classes apart by the border that keeps the largest distance from both.

    Good for some thousand rows; its time grows with the square of them.

    >>> TwoClassSupportVectorMachine(kernel="rbf").run().parameters["kernel"]
    'rbf'
    """

    name = "two_class_support_vector_machine"
    title = "Two-class support vector machine"
    category = "Classification"
    keywords = ("svm", "binary")
    task = TWO_CLASS


class MulticlassSupportVectorMachine(_SupportVector):
    """Tells several classes apart by the borders that keep the largest distances.

    >>> MulticlassSupportVectorMachine().run().task
    'multiclass classification'
    """

    name = "multiclass_support_vector_machine"
    title = "Multiclass support vector machine"
    category = "Classification"
    keywords = ("svm",)
    task = MULTICLASS


class _NetworkParameters(ComponentParameters):
    """The layers, and how long they learn."""

    hidden_units: list[int] = Field(
        [100], min_length=1, max_length=5, description="Units of each hidden layer."
    )
    learning_rate: float = Field(0.001, gt=0, le=1, description="Size of each step.")
    epochs: int = Field(200, ge=1, le=10_000, description="How often all rows are seen, at most.")
    seed: int = _SEED


class _Network(LearnerComponent):
    """Shared by classes and numbers."""

    Parameters = _NetworkParameters
    ranges = {"hidden_units": [[50], [100], [100, 50]], "learning_rate": [0.0003, 0.001, 0.003]}

    def _settings(self) -> dict[str, Any]:
        given = self.parameters
        return {
            "hidden_layer_sizes": tuple(given.hidden_units),
            "learning_rate_init": given.learning_rate,
            "max_iter": given.epochs,
            "early_stopping": False,
            "random_state": given.seed,
        }

    def estimator(self) -> Any:
        """Layers of rectified linear units, trained by Adam."""
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier(**self._settings())


class TwoClassNeuralNetwork(_Network):
    """Tells two classes apart by layers of simple units that learn together.

    >>> TwoClassNeuralNetwork(hidden_units=[10]).run().parameters["hidden_units"]
    [10]
    """

    name = "two_class_neural_network"
    title = "Two-class neural network"
    category = "Classification"
    keywords = ("perceptron", "mlp", "deep", "binary")
    task = TWO_CLASS


class MulticlassNeuralNetwork(_Network):
    """Tells several classes apart by layers of simple units that learn together.

    >>> MulticlassNeuralNetwork().run().task
    'multiclass classification'
    """

    name = "multiclass_neural_network"
    title = "Multiclass neural network"
    category = "Classification"
    keywords = ("perceptron", "mlp", "deep")
    task = MULTICLASS


class LinearRegression(LearnerComponent):
    """Predicts a number by a weighted sum of the columns.

    Quick, and its weights can be read: what others have to beat.

    >>> LinearRegression().run().task
    'regression'
    """

    name = "linear_regression"
    title = "Linear regression"
    category = "Regression"
    keywords = ("ols", "ridge", "least squares")
    task = REGRESSION
    ranges = {"regularization": [0.0, 0.01, 0.1, 1.0, 10.0]}

    class Parameters(ComponentParameters):
        """How strongly the weights are held back."""

        regularization: float = Field(
            0.0, ge=0, description="0 for least squares; the larger, the smaller the weights (L2)."
        )

    def estimator(self) -> Any:
        """Least squares, or ridge regression."""
        from sklearn import linear_model

        weight = self.parameters.regularization
        return linear_model.Ridge(alpha=weight) if weight else linear_model.LinearRegression()


class PoissonRegression(LearnerComponent):
    """Predicts a count, such as how many calls come in an hour: its numbers are never negative.

    >>> PoissonRegression(regularization=0.5).run().component
    'poisson_regression'
    """

    name = "poisson_regression"
    title = "Poisson regression"
    category = "Regression"
    keywords = ("count", "glm")
    task = REGRESSION
    ranges = {"regularization": [0.0, 0.01, 0.1, 1.0]}

    class Parameters(ComponentParameters):
        """How strongly the weights are held back."""

        regularization: float = Field(
            0.0, ge=0, description="The larger, the smaller the weights (L2)."
        )

    def estimator(self) -> Any:
        """A generalized linear model with a logarithmic link."""
        from sklearn import linear_model

        return linear_model.PoissonRegressor(alpha=self.parameters.regularization, max_iter=1000)


class BoostedDecisionTreeRegression(_Boosting):
    """Predicts a number by trees, each of which mends what those before it got wrong.

    >>> BoostedDecisionTreeRegression(trees=10).run().task
    'regression'
    """

    name = "boosted_decision_tree_regression"
    title = "Boosted decision tree regression"
    category = "Regression"
    keywords = ("gradient boosting", "gbm")
    task = REGRESSION

    def estimator(self) -> Any:
        """Boosted trees on histograms."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(**self._settings())


class DecisionForestRegression(_Forest):
    """Predicts a number by the mean of trees, each grown on other rows.

    >>> DecisionForestRegression().run().component
    'decision_forest_regression'
    """

    name = "decision_forest_regression"
    title = "Decision forest regression"
    category = "Regression"
    keywords = ("random forest",)
    task = REGRESSION

    def estimator(self) -> Any:
        """A random forest."""
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(**self._settings())


class NeuralNetworkRegression(_Network):
    """Predicts a number by layers of simple units that learn together.

    >>> NeuralNetworkRegression(epochs=10).run().task
    'regression'
    """

    name = "neural_network_regression"
    title = "Neural network regression"
    category = "Regression"
    keywords = ("perceptron", "mlp", "deep")
    task = REGRESSION

    def estimator(self) -> Any:
        """Layers of rectified linear units, trained by Adam, the label scaled."""
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.neural_network import MLPRegressor
        from sklearn.preprocessing import StandardScaler

        return TransformedTargetRegressor(
            MLPRegressor(**self._settings()), transformer=StandardScaler()
        )
