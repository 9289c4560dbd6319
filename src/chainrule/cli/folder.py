"""The folder that `chainrule train` leaves and `chainrule predict` reads."""

import json
import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import FileError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from chainrule.tabular import Preprocessor

PREPROCESSING = "preprocessing.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
FIGURES = ("history.png", "confusion.png", "predicted.png")

KIND = "preprocessing"
VERSION = 1


def default_folder(source: str) -> Path:
    """`houses.csv` trains `houses-network`, in the folder where the command is given."""
    return Path(f"{Path(source.removeprefix('sklearn:')).stem}-network")


def check_folder(folder: Path) -> bool:
    """Whether an earlier result is there to be replaced; `FileError` for anything else in it."""
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise FileError(f"{folder} is a file; name another folder with --out")
    if not any(folder.iterdir()):
        return False
    try:
        read_preprocessor(folder)
    except FileError as error:
        raise FileError(
            f"{folder} is not empty and not a result of chainrule; name another folder with --out"
        ) from error
    return True


def read_preprocessor(folder: Path) -> "Preprocessor":
    """What `write_preprocessor` wrote there."""
    from chainrule.files import read_json
    from chainrule.tabular import Preprocessor

    if not folder.exists():
        raise FileError(f"there is no folder {folder}; 'chainrule train' makes one")
    path = folder / PREPROCESSING
    if not path.exists():
        raise FileError(f"{folder} holds no {PREPROCESSING}; 'chainrule train' makes such a folder")
    return Preprocessor.from_config(read_json(path, KIND, VERSION).content, str(path))


def write_preprocessor(folder: Path, preprocessor: "Preprocessor") -> None:
    from chainrule.files import write_json

    write_json(folder / PREPROCESSING, preprocessor.config(), KIND, VERSION)


def write_metrics(folder: Path, metrics: dict[str, Any]) -> None:
    from chainrule.files import write_atomically

    write_atomically(folder / METRICS, (as_json(metrics) + "\n").encode())


def read_shares(folder: Path) -> dict[str, float]:
    """The shares of the rows that `chainrule train` kept from the training, by their part."""
    path = folder / METRICS
    try:
        shares = json.loads(path.read_text(encoding="utf-8"))["shares"]
        return {part: float(shares[part]) for part in ("validation", "test")}
    except (OSError, ValueError, LookupError, TypeError):
        raise FileError(
            f"{path} does not say which shares of the rows trained the network; "
            "'chainrule train' writes it"
        ) from None


def write_figures(folder: Path, figures: "dict[str, Figure]") -> None:
    """These figures, and none that an earlier result has left."""
    from chainrule.files import write_atomically

    for name, figure in figures.items():
        write_atomically(folder / name, partial(figure.savefig, format="png"))
    for name in FIGURES:
        if name not in figures:
            (folder / name).unlink(missing_ok=True)


def as_json(value: Any) -> str:
    """JSON as other programs read it: what is not finite is null."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
