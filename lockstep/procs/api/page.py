"""The web page: files that `make` builds from web/ into a folder beside this module, and their headers.

Whatever path a person opens is one document, which finds out by itself what to show. Where it was never built, it says
so in plain HTML; the venue needs none of it.
"""

from __future__ import annotations

import gzip
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from lockstep.procs.api.asgi import Answer

FOLDER = Path(__file__).with_name("web")  # made by `make page`, not in the repository
PLACES = ("/", "/portfolio", "/account", "/operator", "/about")
TRADE, OPERATOR = "/trade/", "/operator/"
ASSETS = "/assets/"
MOST_BYTES = 8 << 20  # of all files together: they stay in memory
LEAST_GZIP = 1024
TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".woff2": b"font/woff2",
    ".txt": b"text/plain; charset=utf-8",
}
FOR_EVER = b"public, max-age=31536000, immutable"  # an asset's name has a hash of what is in it
POLICY = (
    b"default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", POLICY),
]
MISSING = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Lockstep</title>
<h1>The venue runs, but its web page has not been built</h1>
<p>It is made from packages of the npm registry, which could not be had when <code>make</code> ran.
<p>Run <code>make page</code> in the venue's folder, and reload: the venue may go on running.
<p>Orders and market data need no page: <a href="/docs">the API</a> is there.
</html>
"""


class File(NamedTuple):
    """What is sent of one file: as it is, and compressed where that is shorter."""

    type: bytes
    body: bytes
    zipped: bytes | None


class Page:
    """The files of one folder. They are read when they are first asked for, and again while there is no page."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder

    def has(self, path: str) -> bool:
        """Whether a path is the page's, or that of one of its files."""
        return path in PLACES or path.startswith((TRADE, OPERATOR, ASSETS))

    def answer(self, path: str, headers: dict[bytes, bytes]) -> Answer:
        """The document, or a file of it. OSError."""
        if not path.startswith(ASSETS):
            return self._document(headers)
        file = self._files.get(path) if self._is_built() else None
        if file is None:
            return Answer(404, [*SAFE, (b"content-type", b"text/plain"), (b"cache-control", b"no-store")], b"not found")
        return _sent(file, FOR_EVER, headers)

    def _document(self, headers: dict[bytes, bytes]) -> Answer:
        if not self._is_built():
            return Answer(503, [*SAFE, (b"content-type", TYPES[".html"]), (b"cache-control", b"no-store")], MISSING)
        return _sent(self._files["/index.html"], b"no-store", headers)

    def _is_built(self) -> bool:
        return "_files" in self.__dict__ or (self._folder / "index.html").exists()

    @cached_property
    def _files(self) -> dict[str, File]:
        """By their paths."""
        found: dict[str, File] = {}
        size = 0
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and path.suffix in TYPES:
                body = path.read_bytes()
                size += len(body)
                if size > MOST_BYTES:
                    raise OSError(f"{self._folder} has more than {MOST_BYTES} bytes")
                found["/" + path.relative_to(self._folder).as_posix()] = _file(path.suffix, body)
        return found


def _file(suffix: str, body: bytes) -> File:
    zipped = gzip.compress(body, 9, mtime=0) if len(body) >= LEAST_GZIP else body
    return File(TYPES[suffix], body, zipped if len(zipped) < len(body) else None)


def _sent(file: File, kept: bytes, headers: dict[bytes, bytes]) -> Answer:
    """A file's answer, compressed for who takes that."""
    said = [*SAFE, (b"content-type", file.type), (b"cache-control", kept), (b"vary", b"accept-encoding")]
    if file.zipped is not None and b"gzip" in headers.get(b"accept-encoding", b""):
        return Answer(200, [*said, (b"content-encoding", b"gzip")], file.zipped)
    return Answer(200, said, file.body)
