# SPDX-License-Identifier: MIT
"""Which allocators there are, where they lie, and whether one was loaded."""

import os
import platform
import subprocess
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Allocator:
    name: str
    path: str | None  # None: the program's own libc
    env: dict = field(default_factory=dict)
    package: str | None = None  # Debian's, if it comes from there
    built: bool = False  # by this project

    def missing(self):
        """Why it cannot be measured, in one line; None when it can."""
        if self.path is None or os.path.isfile(self.path):
            return None
        if self.package:
            return (f"{self.name}: {self.path} is missing: "
                    f"apt-get install {self.package} (or bench/install-peers)")
        if self.built:
            return (f"{self.name}: {self.path} is missing: "
                    "cmake -B build && cmake --build build -j2")
        return f"{self.name}: {self.path} is missing"

    def environment(self):
        """The caller's, without what would steer an allocator, plus our own."""
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(STEERING)}
        if self.path:
            clean["LD_PRELOAD"] = os.path.abspath(self.path)
        clean.update(self.env)
        return clean

    def provides(self, malloc_from):
        """Is this the file whose malloc was called?"""
        if self.path is None:
            return os.path.basename(malloc_from).startswith(("libc.so", "libc-"))
        return os.path.realpath(malloc_from) == os.path.realpath(self.path)


STEERING = ("LD_PRELOAD", "LIBALLOC_", "MALLOC_", "GLIBC_TUNABLES",
            "MIMALLOC_", "TCMALLOC_", "TBB_")

# The words: fast peers are those that are not glibc.
FAST_PEERS = ("jemalloc", "mimalloc", "tcmalloc", "tbbmalloc")
PEERS = ("glibc",) + FAST_PEERS


def library_dir():
    return f"/usr/lib/{platform.machine()}-linux-gnu"


def known(build):
    """By name, in the order of the tables."""
    lib, ours = library_dir(), os.path.join(build, "lib")
    liballoc = os.path.join(ours, "liballoc.so")
    every = [
        Allocator("liballoc", liballoc, built=True),
        Allocator("liballoc-classic", liballoc, built=True,
                  env={"LIBALLOC_CONF": "slab_max:0"}),
        Allocator("glibc", None, package="libc6"),
        Allocator("jemalloc", f"{lib}/libjemalloc.so.2", package="libjemalloc2"),
        Allocator("mimalloc", f"{lib}/libmimalloc.so.2.0",
                  package="libmimalloc2.0"),
        Allocator("tcmalloc", f"{lib}/libtcmalloc_minimal.so.4",
                  package="libtcmalloc-minimal4"),
        Allocator("tbbmalloc", f"{lib}/libtbbmalloc_proxy.so.2",
                  package="libtbbmalloc2"),
        Allocator("floor", os.path.join(ours, "libfloor.so"), built=True),
    ]
    return {allocator.name: allocator for allocator in every}


def version(allocator):
    """The Debian package's version, or the file's date."""
    if allocator.package:
        asked = subprocess.run(
            ["dpkg-query", "-W", "-f=${Version}", allocator.package],
            capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            return asked.stdout
    if allocator.path and os.path.exists(allocator.path):
        return f"built at {int(os.stat(allocator.path).st_mtime)}"
    return "?"
