"""The small data sets that scikit-learn ships, as frames with a column `target`."""

import polars as pl

from chainrule.errors import ChainruleError, UnknownNameError

PREFIX = "sklearn:"
TARGET = "target"
NAMES = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def load(name: str) -> tuple[pl.DataFrame, str]:
    """The data set and the name of its target column; class labels are text.

    Raises `UnknownNameError` for any name not in `NAMES`, and says so where scikit-learn is
    not installed.
    """
    if name not in NAMES:
        raise UnknownNameError("data set of scikit-learn called", name, NAMES)
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        raise ChainruleError(
            f"{PREFIX}{name} needs scikit-learn: pip install 'chainrule[examples]'"
        ) from error
    data = getattr(datasets, f"load_{name}")()
    columns = {
        str(feature): pl.Series(data.data[:, index], dtype=pl.Float64)
        for index, feature in enumerate(data.feature_names)
    }
    if "target_names" in data:
        columns[TARGET] = pl.Series([str(data.target_names[label]) for label in data.target])
    else:
        columns[TARGET] = pl.Series(data.target, dtype=pl.Float64)
    return pl.DataFrame(columns), TARGET
