"""The process in which a script runs: guarded, recorded, its tape left in the temporary folder.

Started by `process.run`; its arguments are the path to the library, the script, the folder, and
the limits.
"""

import io
import sys
import traceback
from pathlib import Path
from types import FrameType, ModuleType


class _Silence(io.StringIO):
    """Where the script prints to: nothing of it is kept."""

    def write(self, text: str) -> int:
        return len(text)


def main(script: str, folder: str, seconds: str, megabytes: str) -> int:
    import numpy as np

    from chainrule.checking.scripts.guard import guard, limit
    from chainrule.checking.scripts.instrument import RECORDER, instrumented
    from chainrule.checking.scripts.recorder import Recorder
    from chainrule.checking.scripts.stand_ins import put_in_place
    from chainrule.checking.scripts.tape import save, save_end

    here, path = Path(folder), Path(script)
    source = path.read_text(encoding="utf-8-sig")
    # Their first use imports and opens what the guard would have to look at.
    np.random.default_rng(0), np.random.seed(None)
    tree, places = instrumented(source, str(path))
    code = compile(tree, str(path), "exec")
    recorder = Recorder(places)
    tape = recorder.tape
    refusals: list[str] = []
    saved: list[bool] = []

    module = ModuleType("__main__")
    module.__dict__.update({"__file__": str(path), RECORDER: recorder})
    sys.modules["__main__"] = module
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    put_in_place()

    def finish() -> None:
        spaces = [vars(module)]
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if frame.f_code.co_filename == str(path):
                spaces.append(dict(frame.f_locals))
            frame = frame.f_back
        recorder.note_names(spaces)
        save(tape, here)
        saved.append(True)

    recorder.when_full = finish
    limit(float(seconds), int(megabytes))
    guard(here, refusals.append)
    sys.stdout = sys.stderr = _Silence()
    try:
        with np.errstate(all="ignore"):
            exec(code, module.__dict__)
    except SystemExit:
        tape.ended = "end"
    except MemoryError as error:
        tape.ended, tape.message = "memory", str(error)
        tape.line = _line(error, str(path))
    except BaseException as error:  # whatever the script raises is its result
        tape.ended, tape.line = "error", _line(error, str(path))
        tape.message = f"{type(error).__name__}: {error}"
        tape.crash = recorder.failed(type(error).__name__, tape.line)
        if refusals:
            tape.ended, tape.message = "refused", refusals[0]
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    if refusals and tape.ended == "end":
        tape.ended, tape.message = "refused", refusals[0]
    recorder.recording = False
    if saved:  # when the tape was full
        save_end(tape, here)
    else:
        finish()
    return 0


def _line(error: BaseException, file: str) -> int:
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno or 0
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return lines[-1] or 0 if lines else 0


if __name__ == "__main__":
    library, *arguments = sys.argv[1:]
    sys.path.insert(0, library)
    sys.exit(main(*arguments))
