"""Settings that check themselves, and families of things that have a name and settings.

A setting says in its annotation which values it accepts:

    @OPTIMIZERS.register
    @dataclass(frozen=True)
    class SGD(Optimizer):
        momentum: Fraction = 0.0

so `SGD(momentum=2)` raises a `SettingError` that names the setting and its domain, and a file can
hold `{"name": "SGD", "momentum": 0.9}`: a name of a closed family and plain data, never code.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from inspect import Parameter, cleandoc, signature
from numbers import Real
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar, cast, get_type_hints

import numpy as np

from chainrule.errors import SettingError, UnknownNameError, suggestion


@dataclass(frozen=True)
class Domain:
    """The values that a setting accepts, in words and as a function that reads one.

    `read` returns the value as it is kept (a NumPy scalar becomes a Python number, a list a
    tuple) and raises ValueError or TypeError outside the domain.
    """

    words: str
    read: Callable[[Any], Any]


def read_setting(owner: str, name: str, domain: Domain, value: Any) -> Any:
    """The value as it is kept; SettingError with the owner, the name and the domain's words."""
    try:
        return domain.read(value)
    except UnknownNameError:
        raise  # it knows the nearest name
    except (TypeError, ValueError, ArithmeticError):
        raise SettingError(f"{owner}: {name} must be {domain.words}, not {value!r}") from None


def finite_number(value: Any) -> float:
    """A real number as a Python float; TypeError for anything else, ValueError for NaN and Inf."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def number(words: str, accepts: Callable[[float], bool] = lambda _: True) -> Domain:
    """Finite real numbers that pass `accepts`."""

    def read(value: Any) -> float:
        found = finite_number(value)
        if not accepts(found):
            raise ValueError
        return found

    return Domain(words, read)


def whole_number(least: int) -> Domain:
    """Whole numbers from `least` up; 100.0 counts as one, as files and formulas produce it."""

    def read(value: Any) -> int:
        found = finite_number(value)
        if found != int(found) or found < least:
            raise ValueError
        return int(found)

    return Domain(f"a whole number, {least} or more", read)


def optional(domain: Domain) -> Domain:
    """The values of `domain`, or None."""
    return Domain(
        f"None or {domain.words}", lambda value: None if value is None else domain.read(value)
    )


def _pair(domain: Domain, words: str) -> Domain:
    def read(value: Any) -> tuple[Any, Any]:
        first, second = value
        return domain.read(first), domain.read(second)

    return Domain(words, read)


def _switch(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError
    return bool(value)


_FRACTION = number("a number from 0 up to, but not, 1", lambda x: 0 <= x < 1)
_POSITIVE = number("a finite number above 0", lambda x: x > 0)

Number = Annotated[float, number("a finite number")]
NotNegative = Annotated[float, number("a finite number, 0 or more", lambda x: x >= 0)]
Positive = Annotated[float, _POSITIVE]
Fraction = Annotated[float, _FRACTION]
Fractions = Annotated[tuple[float, float], _pair(_FRACTION, "two numbers from 0 up to, but not, 1")]
OptionalPositive = Annotated[float | None, optional(_POSITIVE)]
Switch = Annotated[bool, Domain("True or False", _switch)]
Count = Annotated[int, whole_number(1)]
CountOrZero = Annotated[int, whole_number(0)]


def _domains(owner: type) -> dict[str, Domain]:
    hints = get_type_hints(owner, include_extras=True)
    return {
        name: mark
        for name, hint in hints.items()
        for mark in getattr(hint, "__metadata__", ())
        if isinstance(mark, Domain)
    }


@dataclass(frozen=True)
class Configured:
    """Base of the frozen dataclasses whose annotated fields are settings."""

    family: ClassVar["Registry[Any]"]
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Settings that users of other libraries look for here, and what to write instead."""

    def __new__(cls, *args: Any, **settings: Any) -> Self:
        """Raises SettingError, with the nearest name, for a setting that there is not."""
        accepted = signature(cls.__init__).parameters.values()
        if not any(parameter.kind is Parameter.VAR_KEYWORD for parameter in accepted):
            for name in settings:
                cls._require_setting(name, [parameter.name for parameter in accepted][1:])
        return super().__new__(cls)

    @classmethod
    def _require_setting(cls, name: str, known: Collection[str]) -> None:
        if name in known:
            return
        default = suggestion(name, known) if known else "it has none"
        kind, advice = cls.family.kind, cls.elsewhere.get(name, default)
        raise SettingError(f"{kind} {cls.__name__!r} has no setting {name!r}; {advice}")

    def __post_init__(self) -> None:
        for name, domain in _domains(type(self)).items():
            read = read_setting(type(self).__name__, name, domain, getattr(self, name))
            object.__setattr__(self, name, read)  # the dataclass is frozen from here on

    @classmethod
    def doc(cls) -> str:
        """The first paragraph of the docstring, on one line."""
        return " ".join(cleandoc(cls.__doc__ or "").split("\n\n")[0].split())

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "Configured":
        """The instance with these settings, as `config` gave them."""
        return cls(**settings)

    def require(self, holds: bool, rule: str) -> None:
        """Raise SettingError with `rule` unless it holds: for rules between settings."""
        if not holds:
            raise SettingError(f"{type(self).__name__}: {rule}")

    def config(self) -> dict[str, Any]:
        """Its name and settings as JSON-able data, for `from_config` of its family.

        Raises SettingError where the class or a setting is the user's own: files hold data only.
        """
        name = type(self).__name__
        if self.family.get(name) is not type(self):
            raise SettingError(
                f"{self.family.kind} {name!r} is your own and cannot be saved, as files hold no "
                f"code; {CAN_BE_SAVED}"
            )
        return {"name": name} | {
            field.name: _plain(getattr(self, field.name), f"{name}: {field.name}")
            for field in fields(self)
        }


CAN_BE_SAVED = "use one of chainrule's, or save only the parameters"


def _plain(value: Any, owner: str) -> Any:
    if isinstance(value, Configured):
        return value.config()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple):
        return [_plain(entry, owner) for entry in value]
    if callable(value):
        raise SettingError(
            f"{owner} is a function of your own and cannot be saved, as files hold no code; "
            f"{CAN_BE_SAVED}"
        )
    return value


RowT = TypeVar("RowT", bound=Configured)


class Registry(Mapping[str, type[RowT]], Generic[RowT]):
    """A closed family by name: read like a dict, filled only by `register`."""

    def __init__(self, kind: str, nested: "Registry[Any] | None" = None) -> None:
        """`kind` is what error messages call a member; `nested` is the family of settings that
        have settings themselves (schedules of an optimizer), by default this one."""
        self.kind = kind
        self._nested: Registry[Any] = self if nested is None else nested
        self._rows: dict[str, type[RowT]] = {}

    def __getitem__(self, name: str) -> type[RowT]:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def register(self, row: type[RowT]) -> type[RowT]:
        """Add a class under its own name."""
        if row.__name__ in self._rows:
            raise ValueError(f"two {self.kind}s are called {row.__name__!r}")
        self._rows[row.__name__] = row
        return row

    def find(self, name: object) -> type[RowT]:
        """The class of this name in upper or lower case, or UnknownNameError."""
        folded = {known.casefold(): row for known, row in self._rows.items()}
        try:
            return folded[str(name).casefold()]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._rows) from None

    def instance(self, given: Any) -> RowT:
        """`given` where it is of this family, or the row of that name with its defaults.

        Raises UnknownNameError, with the nearest name, for anything else.
        """
        if isinstance(given, Configured) and given.family is self:
            return cast(RowT, given)
        if isinstance(given, type) and getattr(given, "family", None) is self:
            raise SettingError(f"{given.__name__} is a class: write {given.__name__}(...)")
        row = self.find(given)
        required = _required(row)
        if required:
            raise SettingError(
                f"{self.kind} {row.__name__!r} needs {' and '.join(required)}: "
                f"write {row.__name__}({', '.join(name + '=...' for name in required)})"
            )
        return row()

    def from_config(self, config: Any) -> RowT:
        """What `Configured.config` described.

        Raises SettingError for anything that it cannot have written.
        """
        if not isinstance(config, Mapping) or not isinstance(config.get("name"), str):
            raise SettingError(f"a saved {self.kind} is a mapping with a name, not {config!r}")
        row = self.find(config["name"])
        settings = {name: value for name, value in config.items() if name != "name"}
        known = [field.name for field in fields(row)]
        for name, value in settings.items():
            row._require_setting(name, known)
            if isinstance(value, Mapping):
                settings[name] = self._nested.from_config(value)
        missing = [name for name in _required(row) if name not in settings]
        if missing:
            raise SettingError(f"{self.kind} {row.__name__!r} lacks {' and '.join(missing)}")
        return cast(RowT, row.from_settings(settings))


def _required(row: type[Configured]) -> list[str]:
    return [
        field.name
        for field in fields(row)
        if field.default is MISSING and field.default_factory is MISSING
    ]
