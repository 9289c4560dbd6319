"""Threads that run one function together, and how many there should be."""

import os
from collections.abc import Callable
from functools import cache
from threading import Thread

MOST = 64


@cache
def _allowed() -> int:
    """The processors that this process may use: its affinity, and its control group's quota."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        count = os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()[:2]
        if quota != "max":
            count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, min(count, MOST))


def thread_count() -> int:
    """CHAINRULE_THREADS, or as many as there are processors for this process."""
    given = os.environ.get("CHAINRULE_THREADS", "")
    return max(1, min(int(given), MOST)) if given.isdigit() else _allowed()


def together(count: int, function: Callable[[int], None]) -> None:
    """function(0), …, function(count - 1), each on a thread of its own, the first on this one."""
    if count == 1:
        function(0)
        return
    others = [Thread(target=function, args=(number,), daemon=True) for number in range(1, count)]
    for thread in others:
        thread.start()
    try:
        function(0)
    finally:  # nobody may still be at work when the caller goes on, not even after Ctrl-C
        for thread in others:
            thread.join()
