"""Named NumPy arrays in safetensors files, and the checks that the format leaves to its reader.

The safetensors library (https://github.com/huggingface/safetensors) lays out and parses the bytes
and vouches for their geometry: no gaps, no overlap, no trailing bytes, sizes that fit the shapes.
Around it stands what it does not do: one order of bytes for equal content, arrays in any memory
layout, no repeated names, no header without end, no NaN or infinity, and a checksum of the content
under the metadata key `chainrule.sha256`.

Files are read whole rather than memory-mapped: a mapped file that somebody truncates ends the
process with SIGBUS instead of an error.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import ArrayLike, DTypeLike

from chainrule.files.disk import (
    StrPath,
    damaged,
    read_whole,
    unreadable,
    unwritable,
    write_atomically,
)
from chainrule.files.documents import MAX_TEXT_BYTES, canonical, is_unicode, parse_json, shown

Arrays = dict[str, np.ndarray]
Expected = Mapping[str, tuple[tuple[int, ...], DTypeLike]]

CHECKSUM = "chainrule.sha256"

# Typed here, for the library is not: name -> its "dtype", "shape" and "data" (a bytearray).
_deserialize: Callable[[bytes], list[tuple[str, dict[str, Any]]]] = safetensors.deserialize

# The dtypes that the safetensors format and NumPy share, and that chainrule computes with.
DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "I32": np.dtype(np.int32),
    "I64": np.dtype(np.int64),
    "U8": np.dtype(np.uint8),
    "U16": np.dtype(np.uint16),
    "U32": np.dtype(np.uint32),
    "U64": np.dtype(np.uint64),
    "F16": np.dtype(np.float16),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
}


def write_arrays(
    path: StrPath, arrays: Mapping[str, ArrayLike], *, allow_nan: bool = False
) -> None:
    """Write named arrays of any shape, memory layout and byte order, atomically.

    Equal names and values give equal bytes. `allow_nan` permits NaN and infinities.

    Raises:
        FileError: the file cannot be written, or an array has no place in it; names the array.
    """
    write_atomically(path, encode_arrays(path, arrays, allow_nan=allow_nan))


def read_arrays(
    path: StrPath,
    expected: Expected | None = None,
    *,
    allow_nan: bool = False,
    foreign: bool = False,
) -> Arrays:
    """Read all arrays of a file; they are writable and share no memory.

    Args:
        path: a file that `write_arrays` wrote.
        expected: name -> (shape, dtype). The file must hold exactly these; they come in this
            order. None takes what is there, sorted by name.
        allow_nan: permit NaN and infinities.
        foreign: take a safetensors file of another program too, which has no checksum of ours.

    Raises:
        FileError: no such file, damaged, or not as expected; names the array and the index.
    """
    arrays = decode_arrays(read_whole(path), path, allow_nan=allow_nan, foreign=foreign)
    if expected is None:
        return arrays
    check_arrays(arrays, expected, path)
    return {name: arrays[name] for name in expected}


def check_arrays(arrays: Mapping[str, np.ndarray], expected: Expected, path: StrPath) -> None:
    """Refuse arrays, read from `path`, that are not exactly those expected: name -> (shape, dtype).

    Raises:
        FileError: names what is missing, too many, or of another shape or dtype.
    """
    remedy = "give the file that belongs to this configuration"
    for problem, names in (
        ("has no array", expected.keys() - arrays.keys()),
        ("holds an array that has no place here,", arrays.keys() - expected.keys()),
    ):
        if names:
            raise unreadable(path, f"it {problem} {_listed(names)}", remedy)
    for name, (shape, dtype) in expected.items():
        found, wanted = _described(arrays[name].shape, arrays[name].dtype), _described(shape, dtype)
        if found != wanted:
            raise unreadable(path, f"its array {shown(name)} is {found}, not {wanted}", remedy)


def encode_arrays(path: StrPath, arrays: Mapping[str, ArrayLike], *, allow_nan: bool) -> bytes:
    """The bytes that `write_arrays` puts at `path`."""
    prepared: Arrays = {}
    for name, values in arrays.items():
        if not isinstance(name, str) or name == "__metadata__" or not is_unicode(name):
            problem = f"an array cannot be named {shown(name)}"
            raise unwritable(path, problem, "give it another name")
        array = np.asarray(values)
        native = array.dtype.newbyteorder("=")
        if native not in DTYPES.values():
            problem = f"its array {shown(name)} has the dtype {array.dtype}"
            raise unwritable(path, problem, "convert it to bool, an integer or a float dtype")
        # The library copies raw memory, so a transposed or strided array must be laid out first.
        prepared[name] = np.asarray(array, dtype=native, order="C")
        place = None if allow_nan else _not_finite(prepared[name])
        if place is not None:
            problem = f"its array {shown(name)} holds {place}"
            raise unwritable(path, problem, "write finite numbers, or allow them by allow_nan=True")
    # One metadata key only: the library writes several in random order.
    data = safetensors.numpy.save(prepared, {CHECKSUM: _checksum(prepared)})
    if int.from_bytes(data[:8], "little") > MAX_TEXT_BYTES:
        problem = f"the names and shapes take more than {MAX_TEXT_BYTES:,} bytes"
        raise unwritable(path, problem, "write fewer arrays or shorter names")
    return data


def decode_arrays(
    data: bytes, path: StrPath, *, allow_nan: bool = False, foreign: bool = False
) -> Arrays:
    """What `read_arrays` makes of the bytes found at `path`, sorted by name."""
    checksum = _checked_header(data, path)
    try:
        entries = _deserialize(data)
    except safetensors.SafetensorError as error:
        raise unreadable(path, f"it is damaged or cut short ({error})") from error
    arrays = {
        name: _array(name, entry["dtype"], entry["shape"], entry["data"], path)
        for name, entry in sorted(entries, key=lambda pair: pair[0])
    }
    if checksum is None and not foreign:
        problem = "it has no checksum of chainrule's"
        raise unreadable(path, problem, "read another program's file with foreign=True")
    if checksum is not None and checksum != _checksum(arrays):
        raise damaged(path)
    for name, array in arrays.items():
        place = None if allow_nan else _not_finite(array)
        if place is not None:
            problem = f"its array {shown(name)} holds {place}"
            raise unreadable(path, problem, "give a file of finite numbers")
    return arrays


def _checked_header(data: bytes, path: StrPath) -> str | None:
    """Check the header's size, JSON and dtypes; return the checksum that it states.

    The file is a header's length (8 bytes, little endian), the header, and the arrays' bytes.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or (length <= MAX_TEXT_BYTES and length > len(data) - 8):
        raise unreadable(path, "it is cut short, or not a safetensors file")
    if length > MAX_TEXT_BYTES or data[8:9] != b"{":
        raise unreadable(path, "it is not a safetensors file", "check the path")
    header = parse_json(data[8 : 8 + length], path)
    for name, entry in header.items():
        code = entry.get("dtype") if isinstance(entry, dict) else None
        if name != "__metadata__" and not (isinstance(code, str) and code in DTYPES):
            problem = f"its array {shown(name)} has the unknown dtype {shown(code)}"
            raise unreadable(path, problem, f"convert it to one of {', '.join(DTYPES)}")
    metadata = header.get("__metadata__")
    return metadata.get(CHECKSUM) if isinstance(metadata, dict) else None


def _array(name: str, code: str, shape: list[int], data: bytearray, path: StrPath) -> np.ndarray:
    """One array over its own bytes, in this machine's byte order."""
    dtype = DTYPES[code]
    if dtype == np.bool_ and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        problem = f"its array {shown(name)} holds bytes that are neither true nor false"
        raise unreadable(path, problem)
    try:
        values = np.frombuffer(data, dtype.newbyteorder("<")).reshape(shape)
    except ValueError as error:  # an empty array with more dimensions or longer ones than NumPy has
        raise unreadable(path, f"its array {shown(name)} has an impossible shape") from error
    return values.astype(dtype, copy=False)


def _checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, dtypes, shapes and values, whatever their order and layout in the file."""
    names = sorted(arrays)
    described = [[name, str(arrays[name].dtype), list(arrays[name].shape)] for name in names]
    checksum = hashlib.sha256(canonical(described))
    for name in names:
        little_endian = arrays[name].astype(arrays[name].dtype.newbyteorder("<"), copy=False)
        checksum.update(little_endian.reshape(-1).view(np.uint8).data)
    return checksum.hexdigest()


def _not_finite(array: np.ndarray) -> str | None:
    """The first NaN or infinity and its index, or None."""
    if array.dtype.kind != "f":
        return None
    finite = np.isfinite(array)
    if finite.all():
        return None
    first = np.unravel_index(int(np.argmin(finite)), array.shape)
    return f"{array[first]} at index ({', '.join(str(int(i)) for i in first)})"


def _described(shape: Iterable[int], dtype: DTypeLike) -> str:
    sizes = tuple(int(size) for size in shape)
    return f"{np.dtype(dtype)} of shape {sizes}"


def _listed(names: Iterable[str]) -> str:
    """The first few names of many."""
    ordered = sorted(names)
    text = ", ".join(shown(name) for name in ordered[:3])
    return text if len(ordered) <= 3 else f"{text} and {len(ordered) - 3} more"
