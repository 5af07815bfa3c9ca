# SPDX-License-Identifier: MIT
"""What the scripts here share.  argv: HEAPINSPECT HEAPS LIBRARY ROOT."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HEAPINSPECT, HEAPS, LIBRARY, ROOT = sys.argv[1:5]
SKIP = 77
failures = 0
work = pathlib.Path(tempfile.mkdtemp(prefix="heapinspect-"))


def check(holds, what):
    """One claim; a failure is counted and said."""
    global failures
    if not holds:
        failures += 1
        print("FAIL " + what)


def done(what):
    shutil.rmtree(work, ignore_errors=True)
    print("%s: %d failures" % (what, failures))
    sys.exit(failures > 0)


def skip(why):
    shutil.rmtree(work, ignore_errors=True)
    print("SKIPPED: " + why)
    sys.exit(SKIP)


class Heap:
    """heaps.c at rest, with one of its heaps."""
    def __init__(self, kind, size=64, conf=""):
        self.process = subprocess.Popen(
            [HEAPS, kind, str(size)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "LD_PRELOAD": LIBRARY, "LIBALLOC_CONF": conf})
        self.pid = str(self.process.pid)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("heaps %s: ended before it was ready" % kind)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def inspect(*words, **env):
    """Runs heapinspect: (status, stdout, stderr)."""
    answer = subprocess.run([HEAPINSPECT, *words], capture_output=True,
                            text=True, timeout=60,
                            stdin=subprocess.DEVNULL,
                            env={**os.environ, "COLUMNS": "80", **env})
    return answer.returncode, answer.stdout, answer.stderr
