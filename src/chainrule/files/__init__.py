"""Files that hold data, never code, and are never found half written.

Four layers, each standing on the one before; none of them knows what a model is:

- `disk`: a file is replaced whole or not at all, and only regular files are read;
- `documents`: JSON with a kind, a format version and a checksum;
- `arrays`: named NumPy arrays as safetensors, with the checks that the format leaves to its reader;
- `bundles`: a folder of one document file and several array files that belong together.

What a reader returns is what a writer was given, bit for bit. Anything else (damage, truncation,
another kind of file, a newer format) raises `FileError`: one sentence with the file, the problem
and the way out. Nothing is unpickled and no name found in a file is ever imported. The checksums
find damage, not forgery: who can write the file can also write its checksum.
"""

from chainrule.files.arrays import Expected, check_arrays, read_arrays, write_arrays
from chainrule.files.bundles import Bundle, read_bundle, write_bundle
from chainrule.files.disk import StrPath, write_atomically
from chainrule.files.documents import Document, Json, read_json, write_json

__all__ = [
    "Bundle",
    "Document",
    "Expected",
    "Json",
    "StrPath",
    "check_arrays",
    "read_arrays",
    "read_bundle",
    "read_json",
    "write_arrays",
    "write_atomically",
    "write_bundle",
    "write_json",
]
