"""Stand-ins for libraries that draw and show progress: a check needs neither windows nor files."""

import sys
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

DRAWING = {"matplotlib", "pylab", "seaborn", "plotly", "tkinter", "turtle", "bokeh", "PIL"}
PROGRESS = {"tqdm"}


class Nothing:
    """Answers every call and attribute with itself; two of it can be unpacked."""

    def __call__(self, *arguments: Any, **settings: Any) -> "Nothing":
        return self

    def __getattr__(self, name: str) -> "Nothing":
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, index: Any) -> "Nothing":
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        return None

    def __iter__(self) -> Iterator["Nothing"]:
        return iter((self, self))

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *details: Any) -> None:
        return None


class _Module(ModuleType):
    """A package, as its spec says: it may be asked for submodules."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Nothing()


class Progress:
    """`tqdm(iterable)` and its methods."""

    def __init__(self, iterable: Any = (), *arguments: Any, **settings: Any) -> None:
        self._iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)

    def __getattr__(self, name: str) -> Nothing:
        return Nothing()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *details: Any) -> None:
        return None


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] in DRAWING | PROGRESS:
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _Module(spec.name)
        if spec.name.partition(".")[0] in PROGRESS:
            vars(module).update(tqdm=Progress, trange=lambda n, *a, **k: range(n))
        return module

    def exec_module(self, module: ModuleType) -> None:
        return None


def put_in_place() -> None:
    sys.meta_path.insert(0, _Finder())
