"""The process that runs a script, from outside: started, limited in time, and read."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from chainrule.checking.scripts import tape as tapes
from chainrule.checking.scripts.job import limited_job
from chainrule.checking.scripts.tape import Tape
from chainrule.errors import FileError, ScriptError

CHILD = Path(__file__).with_name("child.py")
LIBRARY = str(Path(__file__).resolve().parents[3])
SETTLING = 1.5  # seconds to import NumPy and to write the tape, beside those of the script


def run(path: Path, seconds: float, megabytes: int) -> Tape:
    """Run a script to its end or its limits; returns what was recorded until then."""
    path = Path(path).resolve()
    if not path.is_file():
        raise FileError(f"there is no file {str(path)!r}")
    source = path.read_bytes()
    try:
        compile(source, str(path), "exec")
    except SyntaxError as error:
        raise ScriptError(
            f"{path.name} is not Python: line {error.lineno}: {error.msg}"
        ) from None
    except ValueError as error:
        raise ScriptError(f"{path.name} is not Python: {error}") from None
    with tempfile.TemporaryDirectory(prefix="chainrule-check-") as folder:
        ended = _child(path, Path(folder), seconds, megabytes)
        if not (Path(folder) / "tape.json").is_file():
            raise _lost(path, ended, seconds, megabytes)
        tape = tapes.load(Path(folder))
    if ended == "time":
        tape.ended = "time"
    return tape


def _child(path: Path, folder: Path, seconds: float, megabytes: int) -> str:
    command = [sys.executable, "-I", "-B", str(CHILD), LIBRARY, str(path), str(folder)]
    command += [str(seconds), str(megabytes)]
    kept = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {
        "HOME": str(folder), "USERPROFILE": str(folder), "TMPDIR": str(folder),
        "TEMP": str(folder), "TMP": str(folder), "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    }  # fmt: skip
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with limited_job(process, megabytes):
        try:
            _, said = process.communicate(timeout=seconds + SETTLING)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return "time"
    words = said.decode(errors="replace").strip().splitlines()
    return words[-1] if words else f"exit code {process.returncode}"


def _lost(path: Path, ended: str, seconds: float, megabytes: int) -> ScriptError:
    if ended == "time":
        return ScriptError(
            f"{path.name} was stopped after {seconds:g} seconds, before it had trained enough to "
            "be read; an endless loop? With more time: cr.check_script(path, seconds=60)"
        )
    return ScriptError(
        f"the process of {path.name} ended without a result ({ended}); it may need more than "
        f"{megabytes:,} MB: cr.check_script(path, megabytes=4000)"
    )
