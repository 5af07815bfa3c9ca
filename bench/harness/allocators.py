# SPDX-License-Identifier: MIT
"""Which allocators there are, where they lie, and whether one was loaded."""

import functools
import glob
import os
import platform
import subprocess
from dataclasses import dataclass, field

STEERING = ("LD_PRELOAD", "LIBALLOC_", "MALLOC_", "GLIBC_TUNABLES",
            "MIMALLOC_", "TCMALLOC_", "TBB_", "SCUDO_")

# The words: fast peers are those that are not glibc.
FAST_PEERS = ("jemalloc", "mimalloc", "tcmalloc", "tbbmalloc")
PEERS = ("glibc",) + FAST_PEERS
BASELINE = "jemalloc"
OURS = "liballoc"
LIMIT = "floor"


@dataclass(frozen=True)
class Allocator:
    name: str
    path: str | None  # None: the program's own libc
    env: dict = field(default_factory=dict)
    package: str | None = None  # Debian's, if it comes from there
    built: bool = False  # by this project
    tunable: str | None = None  # "name:value" this build must know

    def missing(self) -> str | None:
        """Why it cannot be measured, in one line; None when it can."""
        if self.path is None or os.path.isfile(self.path):
            return self._lacks_tunable()
        if self.package:
            return (f"{self.name}: {self.path} is missing: "
                    f"apt-get install {self.package} (or bench/install-peers)")
        if self.built:
            return (f"{self.name}: {self.path} is missing: "
                    "cmake -B build && cmake --build build -j2")
        return f"{self.name}: {self.path} is missing"

    def _lacks_tunable(self):
        if self.tunable and not knows_tunable(self.path, self.tunable):
            return (f"{self.name}: not in this build: liballoc knows no "
                    f"tunable {self.tunable.partition(':')[0]}")
        return None

    def library(self) -> str | None:
        """The file as /proc/PID/maps names it; None for the libc."""
        return os.path.realpath(self.path) if self.path else None

    def environment(self) -> dict:
        """The caller's, without what would steer an allocator, plus our own."""
        clean = clean_environment()
        if self.path:
            clean["LD_PRELOAD"] = os.path.abspath(self.path)
        clean.update(self.env)
        return clean

    def provides(self, malloc_from: str) -> bool:
        """Is this the file whose malloc was called?"""
        if self.path is None:
            base = os.path.basename(malloc_from)
            return base.startswith(("libc.so", "libc-"))
        return os.path.realpath(malloc_from) == self.library()


def clean_environment() -> dict:
    """The caller's environment without what would steer an allocator."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(STEERING)}


@functools.cache
def knows_tunable(library: str, setting: str) -> bool:
    """liballoc names what it does not know on stderr."""
    asked = subprocess.run(
        ["/bin/true"], capture_output=True, text=True, check=False,
        env={"LD_PRELOAD": library, "LIBALLOC_CONF": setting})
    return asked.returncode == 0 and "unknown name" not in asked.stderr


def library_dir() -> str:
    return f"/usr/lib/{platform.machine()}-linux-gnu"


def _scudo() -> str:
    """Where Debian 12 has it; the first of several versions of llvm."""
    name = f"libclang_rt.scudo_standalone-{platform.machine()}.so"
    place = "/usr/lib/llvm-{}/lib/clang/{}/lib/linux/" + name
    found = sorted(glob.glob(place.format("*", "*")))
    return found[0] if found else place.format("14", "14.0.6")


def known(build: str) -> dict:
    """By name, in the order of the tables."""
    lib, ours = library_dir(), os.path.join(build, "lib")
    liballoc = os.path.join(ours, "liballoc.so")
    every = [
        Allocator(OURS, liballoc, built=True),
        Allocator("liballoc-classic", liballoc, built=True,
                  env={"LIBALLOC_CONF": "slab_max:0"}),
        Allocator("liballoc-hardened", liballoc, built=True,
                  env={"LIBALLOC_CONF": "harden:1"}, tunable="harden:1"),
        Allocator("glibc", None, package="libc6"),
        Allocator("jemalloc", f"{lib}/libjemalloc.so.2",
                  package="libjemalloc2"),
        Allocator("mimalloc", f"{lib}/libmimalloc.so.2.0",
                  package="libmimalloc2.0"),
        Allocator("tcmalloc", f"{lib}/libtcmalloc_minimal.so.4",
                  package="libtcmalloc-minimal4"),
        Allocator("tbbmalloc", f"{lib}/libtbbmalloc_proxy.so.2",
                  package="libtbbmalloc2"),
        Allocator("scudo", _scudo(), package="libclang-rt-14-dev"),
        Allocator(LIMIT, os.path.join(ours, "libfloor.so"), built=True),
    ]
    return {allocator.name: allocator for allocator in every}


def install_peers(chosen: list, script: str) -> None:
    """Lets apt bring the Debian packages that are missing, if it may."""
    if os.geteuid() != 0 or not any(a.package and a.missing() for a in chosen):
        return
    subprocess.run([script], stdin=subprocess.DEVNULL, check=False,
                   stdout=subprocess.DEVNULL)


def version(allocator: Allocator) -> str:
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
