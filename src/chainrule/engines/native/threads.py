"""How many threads there should be, and workers that wait for what to do.

A worker is a thread of Python's that stays in compiled code: it looks for the next job for a moment
and then sleeps until it is woken. A job is one function, which every thread calls with its own
number, and which has its own barriers.
"""

import atexit
import ctypes
import functools
import os
import platform
import sys
from collections.abc import Sequence
from ctypes import c_int64, c_void_p, cast
from threading import Lock, Thread
from typing import Any

import numpy as np

from chainrule.engines.native import cache, jit
from chainrule.engines.native.memory import address, aligned

MOST = 64
SPINS = 2000  # rounds of looking for a job, or for the end of one, before giving way
# Rounds of giving way before a worker sleeps, about a millisecond: one that is woken often begins
# on the processor of whoever woke it, which it then has to leave.
YIELDS = 2000

# Where a pool keeps what, in bytes.
NUMBER, DONE, STOP = 0, 64, 128  # of the newest job; how many workers have done it; whether to end
FUNCTION, ARENA, THREADS, SYNC, TABLE, CONTROL = range(192, 240, 8)
CALLS, MUTEX, CONDITION, SIZE = 256, 320, 448, 576
LOCK, UNLOCK, WAIT, WAKE = range(CALLS, CALLS + 32, 8)

# Of the functions that threads run together: arena, tid, threads, sync, table, control.
ENTRY = (c_void_p, c_int64, c_int64, c_void_p, c_void_p, c_void_p)
Entry = Any  # a function of ctypes, whose type has no public name


@functools.cache
def allowed() -> int:
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
    """As many as there are processors for this process, or CHAINRULE_THREADS if that is less.

    More would wait for each other: they meet at barriers, a hundred thousand times a second.
    """
    given = os.environ.get("CHAINRULE_THREADS", "")
    return max(1, min(int(given), allowed())) if given.isdigit() else allowed()


def call(entry: Entry, threads: int, arena: int, sync: int, table: int, control: int) -> None:
    """Call a compiled function on so many threads, this one among them.

    Where another call has the workers, this thread does everything alone; results are the same.
    """
    pool = _pool(threads) if threads > 1 else None
    if pool is None or not pool.busy.acquire(blocking=False):
        entry(arena, 0, 1, sync, table, control)
        return
    try:
        pool.run(entry, (arena, sync, table, control))
    finally:
        pool.busy.release()


class _Pool:
    """So many threads, the caller's included."""

    def __init__(self, threads: int) -> None:
        self.busy = Lock()
        self._memory = aligned(SIZE)
        self._base = address(self._memory)
        _make_lock(self._base)
        for place, function in zip((LOCK, UNLOCK, WAIT, WAKE), _waiting(), strict=True):
            self._set(place, function)
        self._set(THREADS, threads)
        self._work = _code().function("work", c_void_p, c_int64)
        self._lead = _code().function("lead", c_void_p)
        self._workers = [
            Thread(target=self._work, args=(self._base, number), daemon=True)
            for number in range(1, threads)
        ]
        for worker in self._workers:
            worker.start()

    def _set(self, place: int, value: int) -> None:
        self._memory[place : place + 8].view(np.int64)[0] = value

    def run(self, entry: Entry, fixed: Sequence[int]) -> None:
        function = cast(entry, c_void_p).value or 0
        places = (FUNCTION, ARENA, SYNC, TABLE, CONTROL)
        for place, value in zip(places, (function, *fixed), strict=True):
            self._set(place, value)
        self._lead(self._base)

    def close(self) -> None:
        """Let the workers end. Nobody may be at work."""
        self._set(STOP, 1)
        self._set(FUNCTION, 0)
        self._lead(self._base)
        for worker in self._workers:
            worker.join()


_POOLS: dict[int, _Pool] = {}
_making = Lock()


def _pool(threads: int) -> _Pool:
    with _making:
        if threads not in _POOLS:
            _POOLS[threads] = _Pool(threads)
        return _POOLS[threads]


def _end() -> None:
    for pool in _POOLS.values():
        if pool.busy.acquire(blocking=False):  # a thread that is still at work ends with us
            pool.close()
    _POOLS.clear()


def _forget() -> None:
    """A new process has the memory of its parent, but not its threads."""
    global _making
    _making = Lock()
    _POOLS.clear()


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


# --- in compiled code ----------------------------------------------------------------------------


@functools.cache
def _waiting() -> tuple[int, ...]:
    """Addresses of the system's lock, unlock, wait, and wake all."""
    if sys.platform == "win32":
        library = ctypes.windll.kernel32
        names = (
            "AcquireSRWLockExclusive",
            "ReleaseSRWLockExclusive",
            "SleepConditionVariableSRW",
            "WakeAllConditionVariable",
        )
    else:
        library = ctypes.CDLL(None)
        names = (
            "pthread_mutex_lock",
            "pthread_mutex_unlock",
            "pthread_cond_wait",
            "pthread_cond_broadcast",
        )
    found = [cast(getattr(library, name), c_void_p).value for name in names]
    return tuple(address or 0 for address in found)


def _make_lock(base: int) -> None:
    """Windows' locks begin as zeros; POSIX's are made."""
    if sys.platform != "win32":
        library = ctypes.CDLL(None)
        library.pthread_mutex_init(c_void_p(base + MUTEX), None)
        library.pthread_cond_init(c_void_p(base + CONDITION), None)


def resting() -> str:
    """`@rest(round)`, for loops that wait: tells the processor so, later gives others its core."""
    if platform.machine().lower() in ("x86_64", "amd64", "i686"):
        pause, argument, kind = "llvm.x86.sse2.pause", "", ""
    else:
        pause, argument, kind = "llvm.aarch64.hint", "i32 1", "i32"
    give_way = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
    return f"""declare void @{pause}({kind})
declare i32 @{give_way}()

define internal void @rest(i64 %round) nounwind {{
  %brief = icmp slt i64 %round, {SPINS}
  br i1 %brief, label %wait, label %long
wait:
  call void @{pause}({argument})
  ret void
long:
  %ignored = call i32 @{give_way}()
  ret void
}}
"""


@functools.cache
def _code() -> jit.Code:
    """`work`, which a worker stays in, and `lead`, which gives a job and takes part in it.

    The job's number is changed under the lock, so that nobody sleeps through it; who looks at it
    without the lock sees it a moment later. The fields are the caller's until all have done it.
    """
    shared = f"""
  %number = getelementptr inbounds i8, ptr %pool, i64 {NUMBER}
  %finished = getelementptr inbounds i8, ptr %pool, i64 {DONE}
  %mutex = getelementptr inbounds i8, ptr %pool, i64 {MUTEX}
  %condition = getelementptr inbounds i8, ptr %pool, i64 {CONDITION}
  {_loads("lock", LOCK, "ptr")}
  {_loads("unlock", UNLOCK, "ptr")}"""
    text = f"""{resting()}
define internal void @run(ptr %pool, i64 %index) {{
  {_loads("function", FUNCTION, "ptr")}
  {_loads("arena", ARENA, "ptr")}
  {_loads("threads", THREADS, "i64")}
  {_loads("sync", SYNC, "ptr")}
  {_loads("table", TABLE, "ptr")}
  {_loads("control", CONTROL, "ptr")}
  %nothing = icmp eq ptr %function, null
  br i1 %nothing, label %done, label %go
go:
  call void %function(ptr %arena, i64 %index, i64 %threads, ptr %sync, ptr %table, ptr %control)
  br label %done
done:
  ret void
}}

define void @work(ptr %pool, i64 %index) {{
entry:{shared}
  {_loads("wait", WAIT, "ptr")}
  br label %next
next:
  %seen = phi i64 [0, %entry], [%job, %again]
  br label %look
look:
  %round = phi i64 [0, %next], [%more, %spin]
  %now = load atomic i64, ptr %number acquire, align 8
  %new = icmp ne i64 %now, %seen
  %patient = icmp slt i64 %round, {SPINS + YIELDS}
  %more = add i64 %round, 1
  br i1 %new, label %go, label %idle
idle:
  br i1 %patient, label %spin, label %sleep
spin:
  call void @rest(i64 %round)
  br label %look
sleep:
  call void %lock(ptr %mutex)
  br label %check
check:
  %later = load atomic i64, ptr %number acquire, align 8
  %awake = icmp ne i64 %later, %seen
  br i1 %awake, label %wake, label %nap
nap:
  %ignored = call i32 %wait(ptr %condition, ptr %mutex, i32 -1, i32 0)
  br label %check
wake:
  call void %unlock(ptr %mutex)
  br label %go
go:
  %job = load atomic i64, ptr %number acquire, align 8
  call void @run(ptr %pool, i64 %index)
  {_loads("stop", STOP, "i64")}
  %before = atomicrmw add ptr %finished, i64 1 acq_rel
  %ending = icmp ne i64 %stop, 0
  br i1 %ending, label %end, label %again
again:
  br label %next
end:
  ret void
}}

define void @lead(ptr %pool) {{
entry:{shared}
  {_loads("wake", WAKE, "ptr")}
  {_loads("threads", THREADS, "i64")}
  store atomic i64 0, ptr %finished monotonic, align 8
  call void %lock(ptr %mutex)
  %old = load atomic i64, ptr %number monotonic, align 8
  %job = add i64 %old, 1
  store atomic i64 %job, ptr %number release, align 8
  call void %wake(ptr %condition)
  call void %unlock(ptr %mutex)
  call void @run(ptr %pool, i64 0)
  %others = sub i64 %threads, 1
  br label %look
look:
  %round = phi i64 [0, %entry], [%more, %spin]
  %count = load atomic i64, ptr %finished acquire, align 8
  %all = icmp eq i64 %count, %others
  %more = add i64 %round, 1
  br i1 %all, label %done, label %spin
spin:
  call void @rest(i64 %round)
  br label %look
done:
  ret void
}}
"""
    return jit.Code([cache.code_of(text)])


def _loads(name: str, place: int, kind: str) -> str:
    """Read a field of the pool."""
    pointer = f"%{name}.at = getelementptr inbounds i8, ptr %pool, i64 {place}"
    return f"{pointer}\n  %{name} = load {kind}, ptr %{name}.at, align 8"
