# SPDX-License-Identifier: MIT
"""A process with a profile, and figures of it; for the tests of `prof`.
argv: HEAPINSPECT TARGET LIBRARY ROOT PROF_TARGET."""
import csv
import io
import json
from heaptest import *

PROF_TARGET = sys.argv[5]
PERIOD = 16384
SIGMAS = 5  # of the stated error: one false alarm in a million


def allow_cores():
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


class Profiled:
    """prof_target.cc, with the truth that it tells."""
    def __init__(self, program=PROF_TARGET, conf="", **env):
        conf = "prof:1,prof_period:%d,prof_signal:12%s" % (PERIOD, conf)
        old = os.environ.get("LIBALLOC_CONF")
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=work,
            preexec_fn=allow_cores,
            env={**os.environ, "LD_PRELOAD": LIBRARY,
                 "LIBALLOC_CONF": (old + "," if old else "") + conf, **env})
        self.pid = self.process.pid
        self.truth = {}
        self.expect("ready")

    def expect(self, word):
        for line in self.process.stdout:
            words = line.decode().split()
            if words[0] == "truth":
                self.truth[words[1]] = int(words[2])
            if words[0] == word:
                return
        raise SystemExit("the target ended before it said " + word)

    def grow(self):
        self.process.stdin.write(b"g")
        self.process.stdin.flush()
        self.expect("grown")

    def gcore(self):
        return Process.gcore(self)

    def kernel_core(self):
        return Process.kernel_core(self)

    def end(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def rows_of(*words):
    """The first table of an answer, its numbers as numbers; and the sums."""
    answer = inspect(*words, "--json", "--limit", "0")
    check(answer.status == 0, "%s: %d %s" % (words, answer.status, answer.err))
    whole = json.loads(answer.out)
    return whole[words[0]], whole["sums"]


def find(rows, name, key="stack"):
    found = [row for row in rows if name in row[key]]
    return found[0] if found else None


def near(value, truth, error):
    """Within the error of an estimate; `error` is two sigma."""
    return abs(value - truth) <= SIGMAS / 2 * error
