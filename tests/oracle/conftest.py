"""Tests against PyTorch, which a user's test command must not download.

Without the `oracle` extra this folder is not collected; CI installs it and demands that it is.
"""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["*"]
