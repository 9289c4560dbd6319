"""A folder whose document and array files belong together, whatever happens while it is written.

    model.json                               what a person reads, and which array files belong to it
    model.weights-3fa94c0d12ab.safetensors
    model.optimizer-5e0b77c1a9d2.safetensors

The document file is the bundle. A write makes new array files, syncs them, and then replaces
`model.json`, which names them with their sizes and SHA-256 digests: that one rename takes the
bundle from the whole old state to the whole new one. Only then are the old array files removed,
so both need space for a moment. A process killed in between leaves files that no document names;
a later write removes them when they are an hour old.

No lock is needed. The digits in a file's name are a hash of its content and of the document to be
replaced, so equal histories give equal folders, byte for byte; where another writer is at work
they are random. Either way a name belongs to one write only, and a write removes only files that
the document it replaced had named. Of two writers at once the last one wins, and the bundle is
whole throughout; now and then the loser's files stay for an hour.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from chainrule.errors import FileError
from chainrule.files.arrays import decode_arrays, encode_arrays
from chainrule.files.disk import (
    StrPath,
    check_path,
    create_file,
    damaged,
    make_folder,
    permissions_to_keep,
    read_whole,
    remove_abandoned,
    sync_folder,
    unreadable,
    unwritable,
    write_atomically,
    write_errors,
)
from chainrule.files.documents import (
    MAX_TEXT_BYTES,
    Document,
    Json,
    check_version,
    checked_version,
    decode_document,
    encode_document,
    shown,
)

BUNDLE_VERSION = 1

# A reader starts again when a writer has replaced the bundle meanwhile, but not for ever.
READ_ATTEMPTS = 100

_WORD = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Bundle:
    """What was read: the documents by kind, and by part name the arrays by name."""

    documents: dict[str, Document]
    arrays: dict[str, dict[str, np.ndarray]]


def write_bundle(
    folder: StrPath,
    name: str,
    documents: Mapping[str, Document],
    arrays: Mapping[str, Mapping[str, ArrayLike]],
    *,
    allow_nan: bool = False,
) -> None:
    """Write `name`.json and its array files in a folder, so that a reader sees all or nothing.

    Args:
        folder: made where it is missing. Its other files are left alone, so it may hold bundles
            of other names.
        name: of the document file: letters, digits and underscores.
        documents: kind -> document, stored together in `name`.json.
        arrays: part -> named arrays, one file each. A part is named like `name`.
        allow_nan: permit NaN and infinities.

    Raises:
        FileError: it cannot be written. A reader gets the old bundle; or the new one, in the one
            case that the disk did not confirm the rename. Either is whole.
    """
    document_path = _prepare(folder, name, documents, arrays)
    place = os.path.dirname(document_path)
    with write_errors(document_path):
        permissions = permissions_to_keep(document_path)
    replaced = _content_or_nothing(document_path)
    made: list[str] = []
    committed: bytes | None = None
    try:
        files: dict[str, Json] = {}
        for part in sorted(arrays):
            stem = os.path.join(place, f"{name}.{part}")
            data = encode_arrays(f"{stem}.safetensors", arrays[part], allow_nan=allow_nan)
            digest = hashlib.sha256(data).hexdigest()
            path = _write_new(stem, data, digest, document_path, replaced, permissions)
            made.append(path)
            files[part] = {"file": os.path.basename(path), "bytes": len(data), "sha256": digest}
        sync_folder(place)  # or a power cut could keep the new document and lose its files
        stored = {kind: document._asdict() for kind, document in documents.items()}
        content = {"documents": stored, "files": files}
        committed = encode_document(document_path, content, "bundle", BUNDLE_VERSION)
        if not all(map(os.path.exists, made)):
            problem = "its new array files were removed while it was written"
            raise unwritable(document_path, problem, "write again")
        replaced = _content_or_nothing(document_path)  # another writer's, if there is one
        write_atomically(document_path, committed)
    except BaseException:
        # An error or Ctrl-C may also come after the rename, and then the new files are in use.
        if not _may_be_in_place(document_path, committed):
            _remove(made)
        raise
    _remove(os.path.join(place, file) for file in _files_named(replaced, name))
    with suppress(OSError):
        remove_abandoned(place, _file_pattern(name), os.stat(document_path).st_mtime)


def read_bundle(
    folder: StrPath,
    name: str,
    versions: Mapping[str, int],
    parts: Collection[str] | None = None,
    *,
    allow_nan: bool = False,
) -> Bundle:
    """Read the bundle whose document file is `name`.json, all of it from one write.

    Args:
        folder: where `write_bundle` put it.
        name: as in `write_bundle`.
        versions: kind -> newest format version understood, for the documents wanted.
        parts: the array files wanted; None for all. The others are not opened.
        allow_nan: permit NaN and infinities.

    Shapes usually follow from a document: hold `Bundle.arrays` against them by `check_arrays`.

    Raises:
        FileError: a file is missing, damaged, too new, or not of this bundle.
    """
    check_path(folder)
    path = os.path.join(folder, f"{name}.json")
    if os.path.isfile(folder):
        raise unreadable(folder, "it is a file", f"give the folder in which {name}.json lies")
    content = read_whole(path, MAX_TEXT_BYTES, follow_links=False)
    for _ in range(READ_ATTEMPTS):
        try:
            return _decode(content, path, name, versions, parts, allow_nan)
        except FileError:
            # A writer may have replaced the bundle and removed the files named here.
            latest = read_whole(path, MAX_TEXT_BYTES, follow_links=False)
            if latest == content:
                raise
            content = latest
    problem = "it is replaced faster than it can be read"
    raise unreadable(path, problem, "read again when its writer is done")


def _prepare(
    folder: StrPath, name: str, documents: Mapping[str, Document], parts: Collection[str]
) -> str:
    """Check what can be checked before anything is written; make the folder.

    Returns the path of the document file.
    """
    check_path(folder)
    for word in (name, *parts):
        if not _WORD.fullmatch(word):
            problem = f"{shown(word)} is not made of letters, digits and underscores"
            raise unwritable(folder, problem, "choose another name")
    for document in documents.values():
        check_version(folder, document.version)
    place = os.path.realpath(folder)
    make_folder(place)
    path = os.path.join(place, f"{name}.json")
    if os.path.islink(path):
        problem = "it is a symbolic link, and a bundle lies in one folder"
        raise unwritable(path, problem, "remove the link")
    return path


def _decode(
    content: bytes,
    path: str,
    name: str,
    versions: Mapping[str, int],
    parts: Collection[str] | None,
    allow_nan: bool,
) -> Bundle:
    manifest = decode_document(content, path, "bundle", BUNDLE_VERSION).content
    stored, files = _member(manifest, "documents"), _member(manifest, "files")
    if not isinstance(stored, dict) or not isinstance(files, dict):
        raise unreadable(path, "it does not say which documents and files belong to it")
    documents: dict[str, Document] = {}
    for kind, newest in versions.items():
        entry = stored.get(kind)
        if not isinstance(entry, dict) or entry.keys() != {"content", "version"}:
            raise unreadable(path, f"it holds no {kind}", "give another bundle's folder")
        version = checked_version(entry["version"], newest, path)
        documents[kind] = Document(entry["content"], version)
    arrays: dict[str, dict[str, np.ndarray]] = {}
    for part in sorted(files if parts is None else parts):
        if part not in files:
            raise unreadable(path, f"it names no file of {part}", "give another bundle's folder")
        data, file = _read_part(files[part], path, name, part)
        arrays[part] = decode_arrays(data, file, allow_nan=allow_nan)
    return Bundle(documents, arrays)


def _read_part(entry: Json, path: str, name: str, part: str) -> tuple[bytes, str]:
    """The bytes of one array file, exactly those that were written, and its path."""
    file, size, digest = (_member(entry, key) for key in ("file", "bytes", "sha256"))
    # The pattern has no room for a separator, a drive or "..", so the file lies in this folder.
    if not isinstance(file, str) or not _file_pattern(name, part).fullmatch(file):
        problem = f"it names {shown(file)} as its file of {part}, which is no file of this bundle"
        raise unreadable(path, problem)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise unreadable(path, f"it gives its file of {part} the size {shown(size)}")
    found = os.path.join(os.path.dirname(path), file)
    data = read_whole(found, limit=size, follow_links=False)
    if len(data) < size:
        raise unreadable(found, f"it is cut short: {len(data):,} of {size:,} bytes")
    if hashlib.sha256(data).hexdigest() != digest:
        raise damaged(found)
    return data, found


def _write_new(
    stem: str,
    data: bytes,
    digest: str,
    document_path: str,
    replaced: bytes,
    permissions: int | None,
) -> str:
    """Write an array file under a name that belongs to no other write; return its path.

    Were a name to come back, a slow writer could remove, as the file of an older write, what a
    newer one is about to commit. A name derived from the document to be replaced cannot have been
    in use before as long as that document is still in place: no older one can name the file.
    """
    mark = hashlib.sha256(digest.encode() + replaced).hexdigest()[:12]
    path = f"{stem}-{mark}.safetensors"
    with write_errors(f"{stem}.safetensors"):
        with suppress(FileExistsError):
            create_file(path, data, permissions)
            if _content_or_nothing(document_path) == replaced:
                return path
            _remove([path])
        path = f"{stem}-{secrets.token_hex(6)}.safetensors"
        create_file(path, data, permissions)
        return path


def _file_pattern(name: str, part: str = "[A-Za-z0-9_]+") -> re.Pattern[str]:
    return re.compile(rf"{name}\.{part}-[0-9a-f]{{12}}\.safetensors")


def _files_named(content: bytes, name: str) -> list[str]:
    """The array files of a bundle to be removed; none where its document is damaged."""
    try:
        manifest = decode_document(content, name, "bundle", BUNDLE_VERSION).content
    except FileError:
        return []
    files = _member(manifest, "files")
    named = [_member(entry, "file") for entry in files.values()] if isinstance(files, dict) else []
    return [file for file in named if isinstance(file, str) and _file_pattern(name).fullmatch(file)]


def _member(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, dict) else None


def _content_or_nothing(path: str) -> bytes:
    """What a document file holds; nothing where it is missing, too long, or unreadable."""
    try:
        return read_whole(path, MAX_TEXT_BYTES)
    except FileError:
        return b""


def _may_be_in_place(path: str, content: bytes | None) -> bool:
    """False where the document at `path` is certainly not this one."""
    if content is None:
        return False
    try:
        return read_whole(path, MAX_TEXT_BYTES) == content
    except FileError:
        return os.path.exists(path)


def _remove(paths: Iterable[str]) -> None:
    """Remove files; one that cannot be removed now is removed by a later write."""
    for path in paths:
        with suppress(OSError):
            os.unlink(path)
