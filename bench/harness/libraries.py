# SPDX-License-Identifier: MIT
"""
The charting library of the report: D3 and Observable Plot, from the npm
registry, pinned by version and checked by content, kept in a cache.
"""

import hashlib
import os
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass

TIMEOUT = 60  # seconds for npm


@dataclass(frozen=True)
class Library:
    package: str
    member: str  # in the package
    sha256: str  # of the member


LIBRARIES = (
    Library("d3@7.9.0", "package/dist/d3.min.js",
            "f2094bbf6141b359722c4fe454eb6c4b0f0e42cc10cc7af921fc158fceb86539"),
    Library("@observablehq/plot@0.6.17", "package/dist/plot.umd.min.js",
            "4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb"),
)


def cache_directory() -> str:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(home, "liballoc-bench")


def _content(data: bytes, library: Library) -> str:
    """The text, or ValueError when it is not what was pinned."""
    if hashlib.sha256(data).hexdigest() != library.sha256:
        raise ValueError(f"{library.package} is not the content pinned here")
    return data.decode("utf-8")


def _cached(library: Library) -> str | None:
    path = os.path.join(cache_directory(), library.sha256 + ".js")
    try:
        with open(path, "rb") as file:
            return _content(file.read(), library)
    except (OSError, ValueError):
        return None


def _keep(library: Library, data: bytes) -> None:
    """Into the cache, if there may be one; the report needs none."""
    try:
        os.makedirs(cache_directory(), exist_ok=True)
        path = os.path.join(cache_directory(), library.sha256 + ".js")
        with open(f"{path}.{os.getpid()}", "wb") as file:
            file.write(data)
        os.replace(f"{path}.{os.getpid()}", path)
    except OSError:
        pass


def _fetch(library: Library) -> str:
    """By npm's own client; OSError, ValueError or CalledProcessError."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["npm", "pack", "--silent", library.package],
                       cwd=place, check=True, timeout=TIMEOUT,
                       stdin=subprocess.DEVNULL, capture_output=True)
        archive = os.path.join(place, os.listdir(place)[0])
        with tarfile.open(archive) as tar:
            member = tar.extractfile(library.member)
            data = member.read() if member else b""
    text = _content(data, library)
    _keep(library, data)
    return text


def load() -> tuple[list[str], str | None]:
    """(texts, None), or ([], why there is none) in one line."""
    texts = []
    for library in LIBRARIES:
        text = _cached(library)
        try:
            texts.append(text or _fetch(library))
        except FileNotFoundError:
            return [], "npm is not installed"
        except subprocess.TimeoutExpired:
            return [], f"npm did not bring {library.package} in time"
        except (OSError, KeyError, IndexError, tarfile.TarError,
                subprocess.CalledProcessError):
            return [], f"npm did not bring {library.package}"
        except ValueError as error:
            return [], str(error)
    return texts, None
