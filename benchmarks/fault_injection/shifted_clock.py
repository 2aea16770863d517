"""A wall clock that jumps for one home alone: a library before the C library adds hours to what the system says.

The machine's own clock stays, since others live on it. The library is compiled once; what it adds stands in a file
that the processes of a home have mapped, so that it changes while they run.
"""

import shutil
import struct
import subprocess
from pathlib import Path

FILE = "clock"
_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile long long *shift;
static int (*real)(clockid_t, struct timespec *);
static void prepare(void) {
  if (real) return;
  real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("ARENA_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *mapped = mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) shift = mapped;
}
int clock_gettime(clockid_t id, struct timespec *out) {
  prepare();
  int failed = real(id, out);
  if (!failed && shift && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) out->tv_sec += *shift;
  return failed;
}
int gettimeofday(struct timeval *out, void *zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"""


def clock_library(folder: Path) -> Path | None:
    """Compile the library into a folder; return None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(_SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)  # noqa: S603 - ours
    return library


def clock_variables(library: Path, folder: Path) -> dict[str, str]:
    """Return the environment of a home whose clock can be shifted."""
    return {"LD_PRELOAD": str(library), "ARENA_CLOCK": str(folder / FILE)}


def shift_clock(folder: Path, hours: float) -> None:
    """Shift the clock of a home's processes by so many hours from the system's."""
    path = folder / FILE
    content = struct.pack("q", round(hours * 3600))
    if path.exists():
        with path.open("r+b") as out:  # in place: it is mapped
            out.write(content)
    else:
        path.write_bytes(content)
