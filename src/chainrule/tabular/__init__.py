"""Tables in, arrays out: what stands between a file of mixed columns and a network.

    reading         a CSV or Parquet file, or a data set of scikit-learn -> a polars frame
    preprocessing   a frame -> a float32 array, learned on the training rows, kept as JSON
    splitting       which rows train, which choose the epoch, which judge
    metrics         how good the predictions are, beside those of a constant

Nothing here knows a network. The package needs polars, which is an extra, so nothing that
`import chainrule` loads may import it.
"""

from chainrule.errors import ChainruleError

try:
    import polars as _polars  # noqa: F401  (only whether it is there)
except ModuleNotFoundError as error:
    raise ChainruleError("reading tables needs polars: pip install 'chainrule[cli]'") from error

from chainrule.tabular.preprocessing import Preprocessor
from chainrule.tabular.reading import Kind, Table, read
from chainrule.tabular.splitting import Split, split

__all__ = ["Kind", "Preprocessor", "Split", "Table", "read", "split"]
