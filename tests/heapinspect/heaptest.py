# SPDX-License-Identifier: MIT
"""What the scripts here share: a process to look at, cores and snapshots of
it, heapinspect's answers.  argv: HEAPINSPECT TARGET LIBRARY ROOT."""
import glob
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

HEAPINSPECT, TARGET, LIBRARY, ROOT = sys.argv[1:5]
SKIP = 77
failures = 0
work = pathlib.Path(tempfile.mkdtemp(prefix="heapinspect-"))
os.chmod(work, 0o755)


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


class Answer:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout.decode(errors="replace")
        self.err = process.stderr.decode(errors="replace")

    def rows(self):
        """The text without what differs by target: lines that begin with #."""
        return [line for line in self.out.splitlines()
                if not line.startswith("#")]


def inspect(*words, before=(), **more):
    """Runs heapinspect; never longer than a minute, never by a signal."""
    process = subprocess.run([*before, HEAPINSPECT, *map(str, words)],
                             stdin=more.pop("stdin", subprocess.DEVNULL),
                             capture_output=True, timeout=60, **more)
    answer = Answer(process)
    check(answer.status >= 0, "%s: died of signal %d"
          % (" ".join(map(str, words)), -answer.status))
    return answer


def verbs():
    """The names in the command table."""
    names = []
    for line in inspect("--help").out.splitlines():
        words = line.split()
        if line.startswith("  ") and len(words) > 1:
            names.append(words[0])
    return names


# Verbs of one target without further arguments.
def plain_verbs():
    other = {"ps", "pagecache", "doctor", "snap", "diff", "top", "report",
             "translate", "vis", "whatis", "why", "map", "leaks",
             "refs", "types", "dups", "flame", "metrics", "record",
             "prof"}
    return [verb for verb in verbs() if verb not in other]


class Process:
    """tests/inspector/target.c, at rest after each command."""
    def __init__(self, commands="h", address_space=400 << 20, **env):
        def limit():
            # A small zone: gdb's gcore writes every reserved byte.
            if address_space:
                resource.setrlimit(resource.RLIMIT_AS,
                                   (address_space, address_space))
            soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        self.process = subprocess.Popen(
            [TARGET], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            cwd=work, preexec_fn=limit,
            env={**os.environ, "LD_PRELOAD": LIBRARY, **env})
        self.pid = self.process.pid
        self.expect("ready")
        for command in commands:
            self.command(command)

    def expect(self, word):
        for line in self.process.stdout:
            if line.decode().split()[0] == word:
                return
        raise SystemExit("the target ended before it said " + word)

    LAST = {"h": "end", "d": "dropped", "p": "pages", "r": "remote",
            "w": "working", "s": "stopped"}

    def command(self, letter):
        self.process.stdin.write(letter.encode())
        self.process.stdin.flush()
        self.expect(self.LAST[letter])

    def gcore(self):
        """A core by gdb; None if there is no gdb."""
        if shutil.which("gcore") is None:
            return None
        path = work / "gcore"
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                           (2 << 30, 2 << 30))
        subprocess.run(["gcore", "-o", path, str(self.pid)], timeout=60,
                       stdin=subprocess.DEVNULL, capture_output=True,
                       preexec_fn=limit, check=True)
        return "%s.%d" % (path, self.pid)

    def kernel_core(self):
        """A core by the kernel; ends the process.  None: cores go elsewhere."""
        os.kill(self.pid, signal.SIGABRT)
        self.process.wait()
        found = glob.glob(str(work / "core*"))
        return found[0] if found else None

    def end(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
