"""Where sessions are bound: as the file says while they are new, and there for good."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from lockstep.config.errors import ConfigError
from lockstep.config.schema import AccountSection, Config, FixSection
from lockstep.core.venue import homes


def config(gateways: int = 3, **bound: int | None) -> Config:
    accounts = [AccountSection(name=name, gateway=gateway) for name, gateway in bound.items()]
    return Config(fix=FixSection(gateways=gateways), accounts=accounts)


def refusals(data: Path, wanted: Config) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        homes.bind(wanted, data)
    return str(refused.value).splitlines()


def test_new_sessions_go_where_the_file_says_and_else_to_the_first(tmp_path: Path) -> None:
    assert homes.bind(config(A=2, B=None), tmp_path) == {"A": 2, "B": 1}
    assert homes.bind(config(A=2, B=1, C=3), tmp_path) == {"A": 2, "B": 1, "C": 3}
    assert homes.read(tmp_path) == {"A": 2, "B": 1, "C": 3}


def test_they_stay_there_whatever_the_file_leaves_out(tmp_path: Path) -> None:
    homes.bind(config(A=2, B=3), tmp_path)
    assert homes.bind(config(A=None), tmp_path) == {"A": 2, "B": 3}


def test_one_that_is_to_move_is_named_with_what_is_allowed_and_nothing_is_written(tmp_path: Path) -> None:
    homes.bind(config(A=2, B=3), tmp_path)
    moved, shrunk = refusals(tmp_path, config(gateways=2, A=1, C=2))
    assert moved == (
        "accounts[A].gateway: is 1, and its session has been at gateway 2, which has its messages: "
        "sessions don't move; allowed is 2"
    )
    assert shrunk == "fix.gateways: is 2, and session B is at gateway 3: sessions don't move; allowed is 3 at least"
    assert homes.read(tmp_path) == {"A": 2, "B": 3}


def test_what_a_version_with_one_gateway_has_left_is_at_the_first(tmp_path: Path) -> None:
    (tmp_path / "gateway.1").mkdir()
    (moved,) = refusals(tmp_path, config(A=2))
    assert moved.startswith("accounts[A].gateway: is 2, and its session has been at gateway 1")
    assert homes.bind(config(A=None), tmp_path) == {"A": 1}
    assert homes.bind(config(A=None, B=2), tmp_path) == {"A": 1, "B": 2}


DAMAGE = (b"{", b"[]", b'{"A": "x"}', b'{"A": 0}', b'{"A": 9}', b'{"\xff": 2}')


@pytest.mark.parametrize(("content", "what"), [(None, "missing"), *((each, "damaged") for each in DAMAGE)])
def test_without_its_file_nobody_guesses_where_sessions_were(tmp_path: Path, content: bytes | None, what: str) -> None:
    (tmp_path / "gateway.2").mkdir()
    file = tmp_path / homes.FILE
    if content is not None:
        file.write_bytes(content)
    assert refusals(tmp_path, config(A=2)) == [f"{file} is {what}: restore it (lockstep backup keeps it)"]


def test_a_start_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    homes.bind(config(A=2), tmp_path)
    before = (tmp_path / homes.FILE).stat()
    homes.bind(config(A=2), tmp_path)
    after = (tmp_path / homes.FILE).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert msgspec.json.decode((tmp_path / homes.FILE).read_bytes()) == {"A": 2}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / homes.FILE).mkdir()
    assert refusals(tmp_path, config(A=2)) == [f"{tmp_path / homes.FILE} can't be read: Is a directory"]
