"""A trained network on the rows of a table: its predictions, and how good they are."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chainrule.model import Model
    from chainrule.tabular import Preprocessor

METRIC_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
}


@dataclass(frozen=True)
class Scores:
    """Metrics of the network and of a constant, and the figure that shows them."""

    rows: int
    network: dict[str, float]
    constant: dict[str, float]
    figure_name: str
    confusion: NDArray[np.int64] | None = None
    values: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @property
    def remark(self) -> str:
        """What the numbers mean where a constant would have done as well; else empty."""
        ours, constant = self.network, self.constant
        if "r2" in ours:
            better, guess = ours["r2"] > constant["r2"], "the mean"
        else:
            higher = ("accuracy", "balanced_accuracy")
            better = any(ours[name] > constant[name] for name in higher)
            guess = "the most frequent class"
        if better:
            return ""
        return f"No better than to guess {guess} always: nothing was learned that holds here."

    def figure(self, preprocessor: "Preprocessor", rows_are: str) -> "Figure":
        """A confusion matrix, or predictions over true values."""
        from chainrule import plots
        from chainrule.tabular.targets import Classes

        if isinstance(preprocessor.label, Classes) and self.confusion is not None:
            return plots.plot_confusion(self.confusion, preprocessor.label.classes)
        assert self.values is not None
        r2 = f"R² {self.network['r2']:.3f} on {self.rows:,} {rows_are}"
        return plots.plot_predictions(*self.values, preprocessor.label.column, r2)


def predict(
    model: "Model", preprocessor: "Preprocessor", encoded: NDArray[np.float32]
) -> NDArray[Any]:
    """(rows, classes) probabilities, or (rows,) values in the units of the target."""
    from chainrule.tabular.targets import Classes, Values

    label = preprocessor.label
    if isinstance(label, Classes):
        probabilities: NDArray[Any] = model.predict_proba(encoded)
        if probabilities.shape != (len(encoded), len(label.classes)):
            # one output: the probability of the second of two classes
            second = probabilities.reshape(-1)
            probabilities = np.stack([1 - second, second], axis=1)
        return probabilities
    assert isinstance(label, Values)
    return label.decode(model.predict(encoded))


def score(preprocessor: "Preprocessor", truth: NDArray[Any], predicted: NDArray[Any]) -> Scores:
    """Compare what was predicted with the truth of the same rows, as `Preprocessor.truth`."""
    from chainrule.tabular import metrics
    from chainrule.tabular.targets import Classes, Values

    label = preprocessor.label
    if isinstance(label, Classes):
        return Scores(
            len(truth),
            metrics.of_classes(truth, predicted),
            metrics.of_constant_class(truth, label.shares),
            "confusion.png",
            confusion=metrics.confusion(truth, predicted.argmax(axis=1), len(label.classes)),
        )
    assert isinstance(label, Values)
    return Scores(
        len(truth),
        metrics.of_values(truth, predicted),
        metrics.of_constant_value(truth, label.mean, label.median),
        "predicted.png",
        values=(truth, predicted),
    )
