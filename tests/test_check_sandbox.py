"""What a script under check may not do: each attempt is refused or stopped, and nothing changed."""

import os
from pathlib import Path

import pytest

import chainrule as cr

TRAINS = """
w, rate = 0.3, 0.01
while True:
    loss = 0.5 * (w * 2.0 - 1.0) ** 2
    w = w - rate * (w * 2.0 - 1.0) * 2.0
"""

REFUSED = {
    "remove": ("import os\nos.remove({victim!r})", "change files"),
    "unlink": ("from pathlib import Path\nPath({victim!r}).unlink()", "change files"),
    "rename": ("import os\nos.rename({victim!r}, {victim!r} + '2')", "change files"),
    "rmtree": ("import shutil\nshutil.rmtree({folder!r})", "change files"),
    "mkdir": ("import os\nos.mkdir({folder!r} + '/new')", "change files"),
    "chmod": ("import os\nos.chmod({victim!r}, 0)", "change files"),
    "write": ("open({victim!r}, 'w').write('gone')", "write to a file"),
    "append": ("open({victim!r}, 'ab').write(b'gone')", "write to a file"),
    "descriptor": ("import os\nos.open({victim!r}, os.O_RDWR)", "write to a file"),
    "save": ("import numpy as np\nnp.save({folder!r} + '/x.npy', np.ones(3))", "write to a file"),
    "link": ("import os\nos.symlink({folder!r}, 'way')\nopen('way/x', 'w')", "make links"),
    "network": (
        "import socket\nsocket.create_connection(('127.0.0.1', 9), timeout=1)",
        "use the network",
    ),
    "download": ("import urllib.request\nurllib.request.urlopen('http://127.0.0.1:9/')", "network"),
    "shell": ("import os\nos.system('echo gone > {victim}')", "start another program"),
    "subprocess": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])",
        "start another program",
    ),
    "workers": (
        "from multiprocessing import get_context\n"
        "get_context('spawn').Process(target=print).start()",
        "start another program",
    ),
    "native": ("import ctypes\nctypes.CDLL(None).getpid()", "call native code"),
    "swallowed": (
        "import os\ntry:\n    os.remove({victim!r})\nexcept Exception:\n    pass\n",
        "change files",
    ),
}
if hasattr(os, "fork"):
    REFUSED["fork"] = ("import os\nos.fork()", "start another program")
    REFUSED["kill"] = ("import os\nos.kill(os.getppid(), 0)", "stop another program")


def written(tmp_path: Path, source: str) -> Path:
    script = tmp_path / "script.py"
    script.write_text(source, encoding="utf-8")
    return script


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", REFUSED)
def test_harm_is_refused_and_nothing_changes(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "precious"
    folder.mkdir()
    victim = folder / "victim.txt"
    victim.write_text("precious", encoding="utf-8")
    attempt, said = REFUSED[name]
    script = written(tmp_path, attempt.format(victim=str(victim), folder=str(folder)))
    before = contents(tmp_path)
    with pytest.raises(cr.ScriptError, match=said) as raised:
        cr.check_script(script)
    assert "\n" not in str(raised.value)
    assert contents(tmp_path) == before


def test_an_endless_loop_without_training_is_stopped(tmp_path: Path) -> None:
    script = written(tmp_path, "while True:\n    pass\n")
    with pytest.raises(cr.ScriptError, match="stopped after 1 seconds"):
        cr.check_script(script, seconds=1)


def test_an_endless_training_is_stopped_and_checked(tmp_path: Path) -> None:
    report = cr.check_script(written(tmp_path, TRAINS), seconds=2)
    assert report.ok, report.text()


def test_a_hundred_gigabytes_are_refused(tmp_path: Path) -> None:
    script = written(tmp_path, "import numpy as np\nx = np.ones(100_000_000_000 // 8)\n")
    with pytest.raises(cr.ScriptError, match="memory"):
        cr.check_script(script)


def test_memory_that_grows_is_refused(tmp_path: Path) -> None:
    script = written(tmp_path, "held = []\nwhile True:\n    held.append(bytearray(10_000_000))\n")
    with pytest.raises(cr.ScriptError, match="memory"):
        cr.check_script(script)


def test_its_own_folder_is_the_scripts_to_write_to(tmp_path: Path) -> None:
    source = "open('notes.txt', 'w').write('mine')\nprint(open('notes.txt').read())\n"
    script = written(tmp_path, source)
    with pytest.raises(cr.ScriptError, match="no parameter was found"):
        cr.check_script(script)
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = (1,\n", "line 1"),
        ("print('nothing here')\n", "no parameter was found"),
        ("raise SystemExit(3)\n", "no parameter was found"),
        ("import os\nos._exit(0)\n", "ended without a result"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_line(source: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(cr.ScriptError, match=said) as raised:
        cr.check_script(written(tmp_path, source))
    assert "\n" not in str(raised.value)


def test_an_error_of_the_script_is_a_finding(tmp_path: Path) -> None:
    report = cr.check_script(written(tmp_path, "x = 1\nraise KeyError('w')\n"))
    assert [finding.line for finding in report.findings] == [2]
    assert "KeyError" in report.text()
