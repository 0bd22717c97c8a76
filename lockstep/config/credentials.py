"""Secrets that a configuration only names: `credential:NAME` stands for what the file NAME of a folder holds.

systemd makes such a folder for a service (LoadCredential=, `$CREDENTIALS_DIRECTORY`); without it, a folder beside the
configuration is read. It reads regular files of at most MAX_BYTES, and never says what is in one.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockstep.config.errors import Problem
from lockstep.config.nearest import nearest

PREFIX = "credential:"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MAX_BYTES = 64 * 1024
OPEN_TO_OTHERS = 0o077
# systemd names the files of a folder that a unit loads as ID so: ID_NAME. This is the ID in lockstep/config/systemd's
# units.
LOADED = "lockstep_"
# Where a name may stand, and what stands in its place for a command that needs no secret and can't read it.
UNKNOWN_HASH = "$argon2id$v=19$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43
SECRETS = {
    "database": {"url": "postgresql://"},
    "alerts": {"command": "", "webhook": ""},
    "accounts": {"password": "unknown", "password_hash": UNKNOWN_HASH},
}


class Credentials:
    """What the configuration in `file` may name. `shielded` are the accounts whose plain passwords come from here."""

    def __init__(self, file: Path, *, needed: bool = True) -> None:
        given = os.environ.get("CREDENTIALS_DIRECTORY", "")
        self._is_ours = not given
        self._folder = Path(given) if given else file.parent / f"{file.stem}.credentials"
        self._needed = needed
        self.shielded: set[str] = set()

    def put_in(self, raw: dict[str, Any]) -> list[Problem]:
        """Put secrets into the tables of a file where it names them. Returns what keeps it from that."""
        return [problem for place in _places(raw) for problem in self._put_in(*place)]

    def _put_in(self, table: dict[str, Any], key: str, where: str, stand_in: str) -> Iterator[Problem]:
        name = table[key].removeprefix(PREFIX)
        try:
            table[key] = self._read(name)
        except UnreadableError as error:
            if self._needed or not error.may_pass:
                yield Problem(where, f"is {PREFIX}{name}, and {error}")
                return
            table[key] = stand_in
        if key == "password":
            self.shielded.add(table["name"])

    def _read(self, name: str) -> str:
        """What the file NAME holds, without the line feed at its end. UnreadableError."""
        if not NAME.fullmatch(name) or name in (".", ".."):
            raise UnreadableError("that is no name: allowed are 1 to 64 letters, digits, dots, dashes or underscores")
        path = self._folder / name
        try:
            path = next((each for each in self._files(name) if each.exists()), None) or path
            content = _content(path, is_ours=self._is_ours)
        except FileNotFoundError:
            raise UnreadableError(f"there is no such file in {self._folder}: {self._there()}", may_pass=True) from None
        except OSError as error:
            raise UnreadableError(f"{path} can't be read: {error.strerror}", may_pass=True) from None
        try:
            text = content.decode().removesuffix("\n")
        except UnicodeDecodeError:
            raise UnreadableError(f"{path} is not UTF-8 text") from None
        if not text:
            raise UnreadableError(f"{path} is empty")
        return text

    def _files(self, name: str) -> list[Path]:
        return [self._folder / name] if self._is_ours else [self._folder / name, self._folder / f"{LOADED}{name}"]

    def _there(self) -> str:
        """Which names there are, in words."""
        try:
            names = sorted(path.name.removeprefix("" if self._is_ours else LOADED) for path in self._folder.iterdir())
        except OSError as error:
            return f"the folder can't be read ({error.strerror})"
        return nearest("", names)


class UnreadableError(Exception):
    """A secret that can't be had, and why. `may_pass`: a command that needs no secret may go on without it."""

    def __init__(self, reason: str, *, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


def _content(path: Path, *, is_ours: bool) -> bytes:
    """What a file holds; never waits, and reads MAX_BYTES at most. UnreadableError, OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)  # a FIFO must not hang a start
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableError(f"{path} is no regular file")
        if is_ours and found.st_mode & OPEN_TO_OTHERS:
            raise UnreadableError(f"others may open {path}: allowed is mode 0600 or 0400 (chmod 600 {path})")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"{path} has {max(found.st_size, len(content))} bytes; allowed are {MAX_BYTES}")
    return content


def _places(raw: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str, str]]:
    """Each value that names a secret: its table and key, how the key is called, and what may stand in for it."""
    for section, keys in SECRETS.items():
        tables = raw.get(section, {})
        for table in tables if isinstance(tables, list) else [tables]:
            label = f"{section}[{table['name']}]" if isinstance(tables, list) else section
            for key, stand_in in keys.items():
                if str(table.get(key, "")).startswith(PREFIX):
                    yield table, key, f"{label}.{key}", stand_in
