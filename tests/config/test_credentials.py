"""Secrets stay out of the configuration: it names them, and says which file it looked for where it can't have one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lockstep import config
from lockstep.config import Config, ConfigError
from lockstep.config.credentials import MAX_BYTES

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"
URL = "postgresql://lockstep:geheim@db.example/venue"
SECRETS = {"db-url": URL, "trader": "correct horse", "page": "https://chat.example/hooks/1"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that names all of SECRETS, and lets others in: no plain password of its own."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    text = DEMO.read_text()
    for old, new in (
        ('url = ""', 'url = "credential:db-url"'), ('webhook = ""', 'webhook = "credential:page"'),
        ("demo_keys = true", "demo_keys = false"), ("trusted_proxies = []", 'trusted_proxies = ["192.0.2.7"]'),
        ('password = "demo"', 'password = "credential:trader"'), ('address = "127.0.0.1"', 'address = "192.0.2.1"'),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "venue.toml"
    path.write_text(text)
    return path


def given(folder: Path, prefix: str = "", **changes: str) -> Path:
    """A folder with the SECRETS, each only for its owner."""
    folder.mkdir(mode=0o700)
    for name, text in (SECRETS | changes).items():
        (folder / f"{prefix}{name}").write_text(text + "\n")
        (folder / f"{prefix}{name}").chmod(0o600)
    return folder


def refusal(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    lines = str(caught.value).splitlines()
    assert not [line for line in lines if any(secret in line for secret in SECRETS.values())]
    return [line.removeprefix(f"{file}: ") for line in lines]


def assert_whole(loaded: Config) -> None:
    assert loaded.database.url == URL
    assert loaded.alerts.webhook == SECRETS["page"]
    assert {account.password for account in loaded.accounts} == {"correct horse"}


@pytest.mark.parametrize("prefix", ["", "lockstep_"], ids=["LoadCredential of a file", "of a folder"])
def test_the_service_managers_folder_has_them(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    given(tmp_path / "venue.credentials", **dict.fromkeys(SECRETS, "not these"))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(given(tmp_path / "run", prefix)))
    assert_whole(config.load(file))


def test_else_the_folder_beside_the_file_has_them(file: Path, tmp_path: Path) -> None:
    given(tmp_path / "venue.credentials")
    assert_whole(config.load(file))


def test_one_that_is_not_there_is_named_with_its_key_and_those_that_are(file: Path, tmp_path: Path) -> None:
    folder = given(tmp_path / "venue.credentials")
    (folder / "db-url").unlink()
    assert refusal(file) == [
        f"database.url: is credential:db-url, and there is no such file in {folder}: there are page, trader"
    ]


def test_without_a_folder_each_key_that_needs_it_is_named(file: Path) -> None:
    said = refusal(file)
    assert said[0].endswith("venue.credentials: the folder can't be read (No such file or directory)")
    assert [line.partition(":")[0] for line in said] == [
        "database.url", "alerts.webhook", *(f"accounts[{each.name}].password" for each in config.load(DEMO).accounts),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "is not UTF-8 text"),
     (b"x" * (MAX_BYTES + 1), f"has {MAX_BYTES + 1} bytes; allowed are {MAX_BYTES}")],
)  # fmt: skip
def test_one_that_holds_no_text_is_refused(file: Path, tmp_path: Path, content: bytes, says: str) -> None:
    path = given(tmp_path / "venue.credentials") / "db-url"
    path.write_bytes(content)
    assert refusal(file) == [f"database.url: is credential:db-url, and {path} {says}"]


def put_fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def put_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    ("put", "says"),
    [(put_fifo, "{path} is no regular file"), (Path.mkdir, "{path} is no regular file"),
     (lambda path: path.symlink_to("/dev/zero"), "{path} is no regular file"),
     (put_socket, "{path} can't be read: No such device or address"),
     (lambda path: path.symlink_to(path.name), "{path} can't be read: Too many levels of symbolic links"),
     (lambda path: path.symlink_to("/proc/self/mem"), "{path} can't be read: Input/output error")],
    ids=["FIFO", "folder", "device", "socket", "loop", "unreadable"],
)  # fmt: skip
def test_what_can_t_be_read_is_refused_at_once(
    file: Path, tmp_path: Path, put: Callable[[Path], object], says: str
) -> None:
    path = given(tmp_path / "venue.credentials") / "db-url"
    path.unlink()
    put(path)
    assert refusal(file) == [f"database.url: is credential:db-url, and {says.format(path=path)}"]


def test_a_huge_file_is_refused_unread(file: Path, tmp_path: Path) -> None:
    path = given(tmp_path / "venue.credentials") / "db-url"
    os.truncate(path, 1 << 40)  # sparse: reading it whole takes a TiB of memory
    assert refusal(file) == [
        f"database.url: is credential:db-url, and {path} has {1 << 40} bytes; allowed are {MAX_BYTES}"
    ]


def test_a_link_leads_to_a_file_and_the_file_s_mode_counts(file: Path, tmp_path: Path) -> None:
    path = given(tmp_path / "venue.credentials") / "db-url"
    kept = path.rename(tmp_path / "kept")
    path.symlink_to(kept)
    assert_whole(config.load(file))
    kept.chmod(0o644)
    (said,) = refusal(file)
    assert said.startswith(f"database.url: is credential:db-url, and others may open {path}: ")


@pytest.mark.parametrize("name", ["", "..", "../venue.toml", "/etc/passwd", "a b", "x" * 65])
def test_a_name_leads_out_of_no_folder(file: Path, tmp_path: Path, name: str) -> None:
    given(tmp_path / "venue.credentials")
    file.write_text(file.read_text().replace("credential:db-url", f"credential:{name}"))
    assert refusal(file)[0].startswith(f"database.url: is credential:{name}, and that is no name: allowed are 1 to 64")


def test_one_that_others_may_open_is_refused_beside_the_file(file: Path, tmp_path: Path) -> None:
    path = given(tmp_path / "venue.credentials") / "page"
    path.chmod(0o640)
    (said,) = refusal(file)
    assert said.startswith(f"alerts.webhook: is credential:page, and others may open {path}: allowed is mode 0600")


def test_what_a_credential_holds_is_checked_like_any_value(file: Path, tmp_path: Path) -> None:
    given(tmp_path / "venue.credentials", **{"db-url": "mysql://db.example", "trader": "two\nlines"})
    said = refusal(file)
    assert said[0] == "database.url: must begin with postgresql://, or be empty for the embedded PostgreSQL"
    assert said[1].startswith("accounts[TRADER1].password: ")


def test_a_plain_password_of_the_file_itself_still_needs_loopback(file: Path, tmp_path: Path) -> None:
    given(tmp_path / "venue.credentials")
    file.write_text(file.read_text().replace('"credential:trader"', '"plain"', 1))
    (line,) = refusal(file)
    assert line.startswith("accounts[TRADER1].password: plain text is only for")


def test_who_needs_no_secret_goes_on_without(file: Path, tmp_path: Path) -> None:
    loaded = config.load(file, secrets=False)
    assert loaded.database.url == "postgresql://"  # some server, not the embedded one
    assert loaded.alerts.webhook == ""
    given(tmp_path / "venue.credentials")
    assert_whole(config.load(file, secrets=False))
