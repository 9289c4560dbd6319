"""JSON files that say what they are: a kind, a format version, a checksum and the content.

    {"format": "chainrule model", "version": 1, "sha256": "…", "content": …}

JSON leaves much to its reader (RFC 8259, sections 4, 6, 8 and 9). Here repeated keys, NaN and
infinities, lone surrogates and deep nesting are refused on reading *and* on writing, so whatever
was written can be read. Keys are sorted, because their order has no meaning: equal content gives
equal bytes. Floats are written with `repr`, the shortest text that reads back to the same number.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from chainrule.files.disk import (
    StrPath,
    damaged,
    read_whole,
    unreadable,
    unwritable,
    write_atomically,
)

Json = Any  # None, bool, int, float, str, or a list or a str-keyed dict of these

# Far above any configuration, far below what would stall or exhaust the process that reads it.
MAX_TEXT_BYTES = 16 * 2**20
MAX_DEPTH = 100


class Document(NamedTuple):
    """Content and the version of the format it is laid out in (1, 2, …)."""

    content: Json
    version: int


def write_json(path: StrPath, content: Json, kind: str, version: int) -> None:
    """Write `content` as a document of this kind and format version, atomically.

    Tuples become lists, and NumPy scalars the Python numbers of the same value.

    Raises:
        FileError: the file cannot be written, or `content` is not JSON; names the place in it.
    """
    write_atomically(path, encode_document(path, content, kind, version))


def read_json(path: StrPath, kind: str, version: int) -> Document:
    """Read a document of this kind, of format version 1 to `version`.

    Raises:
        FileError: no such file, damaged, of another kind, or made by a newer chainrule.
    """
    return decode_document(read_whole(path, MAX_TEXT_BYTES), path, kind, version)


def encode_document(path: StrPath, content: Json, kind: str, version: int) -> bytes:
    """The bytes that `write_json` puts at `path`."""
    check_version(path, version)
    try:
        described = {
            "format": f"chainrule {kind}",
            "version": version,
            "content": plain(content, "content"),
        }
        outer = {
            "format": described["format"],
            "version": version,
            "sha256": hashlib.sha256(canonical(described)).hexdigest(),
            "content": described["content"],
        }
        data = json.dumps(outer, indent=2, ensure_ascii=False).encode() + b"\n"
    except ValueError as error:
        raise unwritable(path, str(error), "give plain JSON data") from error
    if len(data) > MAX_TEXT_BYTES:
        problem = f"its content is longer than {MAX_TEXT_BYTES:,} bytes"
        raise unwritable(path, problem, "put large data in arrays")
    return data


def decode_document(data: bytes, path: StrPath, kind: str, version: int) -> Document:
    """What `read_json` makes of the bytes found at `path`."""
    outer = parse_json(data, path)
    found = outer.get("format") if isinstance(outer, dict) else None
    if not isinstance(found, str) or not found.startswith("chainrule "):
        raise unreadable(path, "it is not one of chainrule's files", "check the path")
    if found != f"chainrule {kind}":
        raise unreadable(
            path, f"it is a {shown(found)}, not a 'chainrule {kind}'", "check the path"
        )
    found_version = checked_version(outer.get("version"), version, path)
    checksum = outer.pop("sha256", None)
    if (
        outer.keys() != {"format", "version", "content"}
        or checksum != hashlib.sha256(canonical(outer)).hexdigest()
    ):
        raise damaged(path)
    return Document(outer["content"], found_version)


def checked_version(found: object, newest: int, path: StrPath) -> int:
    """The version found, if it lies between 1 and the newest that this chainrule knows."""
    if not _is_version(found):
        raise unreadable(path, "it has no valid format version")
    if found > newest:
        raise unreadable(
            path,
            f"it was made by a newer chainrule (format version {found}, known up to {newest})",
            "upgrade with 'pip install --upgrade chainrule'",
        )
    return found


def check_version(path: StrPath, version: object) -> None:
    """Refuse to write a format version that no reader would take."""
    if not _is_version(version):
        raise unwritable(path, f"{shown(version)} is no format version", "count versions from 1")


def parse_json(data: bytes, path: StrPath) -> Json:
    """JSON text, read strictly: see the head of this file.

    Raises:
        FileError: it breaks a rule; says which and where.
    """
    if not data:
        raise unreadable(path, "it is empty")
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_object, parse_constant=_refuse_constant
        )
        return plain(value, "its content")
    except RecursionError as error:
        raise unreadable(path, f"it is nested more than {MAX_DEPTH} deep") from error
    except UnicodeDecodeError as error:
        raise unreadable(path, f"it is not UTF-8 text (byte {error.start})") from error
    except ValueError as error:
        raise unreadable(path, f"it is not valid JSON: {error}") from error


def plain(value: object, place: str) -> Json:
    """`value` in JSON's own types with sorted keys, or a ValueError that names the place."""
    steps: list[str] = []  # joined only for a message: a hostile file may hold very long keys

    def refuse(problem: str) -> ValueError:
        return ValueError(f"{shorten(place + ''.join(steps))} {problem}")

    def visit(value: object) -> Json:
        if len(steps) > MAX_DEPTH:
            raise refuse(f"is nested more than {MAX_DEPTH} deep, or contains itself")
        if isinstance(value, np.generic) and value.dtype.kind in "biufU":
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise refuse(f"is {value}, which JSON cannot hold")
            return float(value)
        if isinstance(value, str):
            return text(value)
        if isinstance(value, Mapping):
            if not all(isinstance(key, str) for key in value):
                raise refuse("has a key that is not text")
            return {text(key): inside(f".{key}", value[key]) for key in sorted(value)}
        if isinstance(value, list | tuple):
            return [inside(f"[{index}]", item) for index, item in enumerate(value)]
        raise refuse(f"is of type {type(value).__name__}, which JSON cannot hold")

    def inside(step: str, item: object) -> Json:
        steps.append(step)
        found = visit(item)
        steps.pop()
        return found

    def text(value: str) -> str:
        if not is_unicode(value):
            raise refuse(f"holds half a character (a lone surrogate): {shown(value)}")
        return str(value)

    return visit(value)


def canonical(value: Json) -> bytes:
    """One text per value, whatever its layout in a file: what checksums are taken of."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def is_unicode(text: str) -> bool:
    """False where half a character (a lone surrogate) keeps it from being written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shorten(text: str) -> str:
    """Text from a file, cut to fit an error message."""
    return text if len(text) <= 80 else f"{text[:77]}…"


def shown(name: object) -> str:
    """A name from a file, quoted, fit for an error message however long or odd it is."""
    return shorten(repr(name))


def _is_version(version: object) -> TypeGuard[int]:
    return isinstance(version, int) and not isinstance(version, bool) and version >= 1


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shown(key)} appears twice")
        found[key] = value
    return found


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"it holds {name}")
