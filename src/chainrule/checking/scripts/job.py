"""Limits of a process that Windows keeps: a job object. Elsewhere the process limits itself."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PROCESS_MEMORY, ACTIVE_PROCESS, KILL_ON_CLOSE = 0x100, 0x8, 0x2000
EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation, winnt.h


@contextmanager
def limited_job(process: "subprocess.Popen[bytes]", megabytes: int) -> Iterator[None]:
    """Inside, the process may use so much memory and start no other; at the end it is gone."""
    if sys.platform != "win32":
        yield
        return
    import ctypes
    from ctypes import wintypes

    class Basic(ctypes.Structure):
        _fields_ = (
            ("per_process_time", ctypes.c_int64),
            ("per_job_time", ctypes.c_int64),
            ("flags", wintypes.DWORD),
            ("least", ctypes.c_size_t),
            ("most", ctypes.c_size_t),
            ("processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority", wintypes.DWORD),
            ("scheduling", wintypes.DWORD),
        )

    class Extended(ctypes.Structure):
        _fields_ = (
            ("basic", Basic),
            ("counters", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process", ctypes.c_size_t),
            ("peak_job", ctypes.c_size_t),
        )

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateJobObjectW.restype = wintypes.HANDLE
    kernel.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    job = wintypes.HANDLE(kernel.CreateJobObjectW(None, None))
    limits = Extended()
    limits.basic.flags = PROCESS_MEMORY | ACTIVE_PROCESS | KILL_ON_CLOSE
    limits.basic.processes = 1
    limits.process_memory = megabytes * 1_000_000
    kernel.SetInformationJobObject(
        job, EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits)
    )
    kernel.AssignProcessToJobObject(job, wintypes.HANDLE(int(process._handle)))
    try:
        yield
    finally:
        kernel.CloseHandle(job)
