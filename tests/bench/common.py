# SPDX-License-Identifier: MIT
"""What the tests of bench/compare share: running it, and saying what failed."""

import csv
import json
import os
import subprocess
import sys
import tempfile

SKIP = 77


class Bench:
    """compare of ROOT with the binaries of BUILD, and this test's libraries."""

    def __init__(self, argv):
        self.root, self.build, self.lib = argv[1:4]
        self.failures = 0
        self.scratch = tempfile.TemporaryDirectory(prefix="test-bench.")
        self.out = os.path.join(self.scratch.name, "out")

    def command(self, *words, build=None, out=None):
        return [os.path.join(self.root, "bench", "compare"), "--build",
                build or self.build, "--out", out or self.out, *words]

    def compare(self, *words, timeout=100, **places):
        return subprocess.run(self.command(*words, **places), check=False,
                              capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)

    def library(self, name):
        return os.path.join(self.lib, f"lib{name}.so")

    def read(self, name):
        path = os.path.join(self.out, name)
        with open(path, encoding="utf-8") as file:
            return file.read()

    def results(self):
        return json.loads(self.read("results.json"))

    def lines(self):
        return list(csv.DictReader(self.read("results.csv").splitlines()))

    def expect(self, truth, what):
        if not truth:
            print(f"FAILED: {what}")
            self.failures += 1

    def expect_said(self, text, ran):
        """The words are in the table, in all three files."""
        for place, content in (("terminal", ran.stdout),
                               ("results.json", self.read("results.json")),
                               ("results.csv", self.read("results.csv")),
                               ("report.html", self.read("report.html"))):
            self.expect(text in content, f'"{text}" in {place}')

    def end(self):
        self.scratch.cleanup()
        print("ok" if not self.failures else f"{self.failures} failed")
        sys.exit(1 if self.failures else 0)
