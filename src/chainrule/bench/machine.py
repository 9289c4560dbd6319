"""What the machine is, in a line, and how fast one of its cores multiplies matrices."""

import os
import platform
from pathlib import Path

from chainrule import __version__
from chainrule.bench.peers import OURS, PEERS

_VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("asimd", "NEON"))


def processor() -> str:
    """`Intel(R) Xeon(R) Processor, 2 processors, AVX-512, 8 GB`: nothing that names the host."""
    lines = _lines("/proc/cpuinfo")
    name = lines.get("model name") or platform.processor() or platform.machine()
    flags = (lines.get("flags") or lines.get("Features") or "").split()
    vectors = next((title for flag, title in _VECTORS if flag in flags), "")
    memory = _lines("/proc/meminfo").get("MemTotal", "")
    size = f"{round(int(memory.split()[0]) / 2**20)} GB" if memory else ""
    parts = [name, f"{available()} processors", vectors, size]
    return ", ".join(part for part in parts if part)


def available() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    """How many processes wanted a processor in the last minute, on average."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def versions(peers: list[str]) -> str:
    """Python, the system and the libraries that took part."""
    found = {"Python": platform.python_version(), OURS: __version__}
    for name in peers:
        peer = PEERS[name]
        if not peer.ours and not peer.missing():
            found[peer.title.split(",")[0].removesuffix(" by hand")] = peer.version()
    found.pop("torch.compile", None)  # PyTorch's
    return ", ".join(f"{name} {number}" for name, number in found.items())


def _lines(path: str) -> dict[str, str]:
    """The entries of one of Linux's `name: value` files; nothing elsewhere."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = [line.partition(":") for line in text.splitlines() if ":" in line]
    return {name.strip(): value.strip() for name, _, value in reversed(pairs)}
