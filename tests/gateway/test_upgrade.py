"""A store of the format before this one is brought to it: nothing moves, nothing is lost, and no password stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from procs.disk import atomic_file
from procs.gateway.resend import Resend
from procs.gateway.secrets import blanked
from procs.gateway.store import Store
from procs.gateway.store_reader import MAGIC, OLD_MAGIC
from procs.intake.refused_ids import RefusedIds
from tests.gateway.fix.client import Client
from tests.gateway.player import stored
from tests.models.journal import crc32c

IN_ADMIN, IN_LOGGED, IN_ANSWERED, OUT_ADMIN, OUT_APP, RESET = range(1, 7)
SECRET = b"correct horse"
SEGMENT = 4096
HEADER = 64


def logon() -> bytes:
    return Client().message("A", [(98, "0"), (108, "30"), (553, "ALICE"), (554, SECRET.decode())])


def old_store(folder: Path) -> None:
    """A store of two sessions over some segments, as the last version wrote it: logons with passwords, no chains."""
    store = Store(folder, RefusedIds(), SEGMENT)
    for number in range(1, 101):
        if number == 40:
            store.add(RESET, 1, 0, b"")
        at = number if number < 40 else number - 39
        store.add(IN_ADMIN if number % 9 == 1 else IN_LOGGED, 1, at, logon() if number % 9 == 1 else b"an order")
        store.add(OUT_APP, 1, at, b"8=FIX.4.4\x01report %d" % number)
        store.add(OUT_APP, 2, number, b"8=FIX.4.4\x01another's")
        store.write_out()
    for path in folder.glob("*.fix"):
        path.write_bytes(as_before(path.read_bytes()))


def as_before(data: bytes) -> bytes:
    made, at = bytearray(OLD_MAGIC + data[len(MAGIC) : HEADER]), HEADER
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        entry = bytearray(data[at : at + 32 + length])
        entry[20:24] = bytes(4)
        entry[0:4] = crc32c(bytes(entry[4:])).to_bytes(4, "little")
        size = 32 + (length + 7) // 8 * 8
        made += entry + data[at + 32 + length : at + size]
        at += size
    return bytes(made)


def resent(store: Store, session: int) -> list[int]:
    resend = Resend(store, session, 1, 0xFFFFFFFF)
    found = []
    while (entry := resend.read()) is not None:
        found.append(entry[1])
    return found


def check(folder: Path) -> None:
    store = Store(folder, RefusedIds(), SEGMENT)
    assert (resent(store, 1), resent(store, 2)) == (list(range(1, 62)), list(range(1, 101)))
    assert store.expected_in(1, 50) == (51, set())
    assert all(SECRET not in path.read_bytes() for path in folder.iterdir())
    assert not list(folder.glob("*.new"))


def test_an_old_store_opens_with_the_same_messages_but_for_passwords(tmp_path: Path) -> None:
    old_store(tmp_path)
    before = stored(tmp_path)
    assert len(list(tmp_path.glob("*.fix"))) > 3
    assert sum(SECRET in entry[3] for entry in before) == 12
    check(tmp_path)
    assert stored(tmp_path) == [(kind, session, number, blanked(data)) for kind, session, number, data in before]


def test_a_torn_tail_and_one_that_was_kept_aside_have_no_password_either(tmp_path: Path) -> None:
    old_store(tmp_path)
    last = max(tmp_path.glob("*.fix"))
    with last.open("ab") as file:
        file.write(b"\x07" * 32 + logon()[:-20])
    (tmp_path / "00000000000000000000.torn").write_bytes(b"\x07" * 32 + logon()[:-3])
    check(tmp_path)
    assert len(list(tmp_path.glob("*.torn"))) == 2


@pytest.mark.parametrize("step", range(1, 7))
def test_it_may_be_killed_at_any_segment_and_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    old_store(tmp_path)
    synced = atomic_file.sync
    calls = []

    def killed(folder: Path) -> None:
        calls.append(folder)
        if len(calls) == step:
            raise KeyboardInterrupt
        synced(folder)

    with monkeypatch.context() as patch:
        patch.setattr(atomic_file, "sync", killed)
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path, RefusedIds(), SEGMENT)
    check(tmp_path)


@pytest.mark.parametrize(
    ("tag", "value"), [(554, "secret"), (925, "secret"), (1402, "secret"), (96, "secret"), (96, "se\x01554=cret")]
)
def test_a_secret_is_asterisks_in_a_message_that_still_parses(tag: int, value: str) -> None:
    client = Client()
    fields = [(98, "0"), (108, "30"), *([(95, str(len(value)))] if tag == 96 else []), (tag, value), (553, "ALICE")]
    message = client.message("A", fields)
    clean = blanked(message)
    assert len(clean) == len(message)
    assert b"cret" not in clean
    assert clean[: clean.index(b"*")] == message[: clean.index(b"*")]
    assert clean.count(b"*") == len(value)
    total = sum(clean[: clean.index(b"\x0110=") + 1]) % 256
    assert clean.endswith(b"\x0110=%03d\x01" % total)
    assert clean[: -len("10=000|")].endswith(b"\x01553=ALICE\x01")


def test_what_holds_no_secret_stays_as_it_is() -> None:
    order = Client().message("D", [(11, "554"), (58, "554=x")])
    for message in (order, b"", b"554", b"\x01\x01=\x01", b"8=FIX\x01554=\x01"):
        assert blanked(message) == message
