"""`lockstep pair`: two nodes know each other and agree on who leads, whatever order or death came between."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import msgspec
import pytest

from lockstep.cli.errors import UsageError
from lockstep.cli.pair import pair
from lockstep.cli.terminal import stopped
from lockstep.core.cluster import offer as offers
from lockstep.core.journal.end import segment_header
from lockstep.core.journal.journal import segment_seqs
from lockstep.core.journal.retain import retain
from lockstep.core.journal.writer import MIN_SEGMENT_BYTES, JournalWriter
from lockstep.core.venue import node, venue_key
from lockstep.core.venue.node import Node
from lockstep.procs.replicator.certificates import Credentials
from lockstep.procs.replicator.transport import Acceptor, Dialer
from tests.models import journal as model
from tests.replicator.test_transport import close, connect

CONFIG = """
[venue]
name = "{venue}"
data = "{name}-data"
durability = "{durability}"

[journal]
segment_bytes = 65536

[replication]
node = "{name}"
port = {port}
peer_port = {peer_port}

[[assets]]
name = "BTC"
scale = 8

[[assets]]
name = "USDT"
scale = {scale}

[[instruments]]
symbol = "BTCUSDT"
base = "BTC"
quote = "USDT"
tick = "0.01"
lot = "0.0001"

[[accounts]]
name = "T1"
password_hash = "$argon2id$v=19$m=64,t=1,p=1${salt}$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""
SALT = "AAAAAAAAAAAAAAAAAAAAAA"
PORTS = {"a": (9910, 9911), "b": (9911, 9910)}


class Host:
    """A node's configuration and data folder."""

    def __init__(self, folder: Path, name: str, **changed: str | int) -> None:
        port, peer_port = PORTS.get(name, PORTS["a"])
        given: dict[str, Any] = {
            "venue": "lockstep", "durability": "both", "name": name, "scale": 8, "salt": SALT,
            "port": port, "peer_port": peer_port,
        } | changed  # fmt: skip
        self.file = folder / f"{name}.toml"
        self.file.write_text(CONFIG.format(**given))
        self.data = folder / f"{name}-data"
        self.folder = self.data / "node"
        self.offer = self.folder / f"{name}.pair"

    @property
    def state(self) -> Node:
        return node.load(self.data)

    def begin_journal(self, journal_id: bytes | None = None, records: int = 3) -> str:
        with JournalWriter(self.data / "journal", "none", MIN_SEGMENT_BYTES, journal_id=journal_id) as writer:
            for seq in range(1, records + 1):
                writer.append(model.records(seq, 1))
        return journal_id_of(self.data)


def journal_id_of(data: Path) -> str:
    return segment_header(data / "journal", min(segment_seqs(data / "journal"))).journal_id.hex()


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[Host, Host]:
    return Host(tmp_path, "a"), Host(tmp_path, "b")


def contents(*hosts: Host) -> dict[Path, bytes]:
    files = (path for host in hosts if host.folder.exists() for path in host.folder.iterdir())
    return {path: path.read_bytes() for path in files if path.name != "pair.lock"}


def check_paired(leader: Host, follower: Host) -> None:
    """They know each other, as TLS sees it, and one follows the other."""
    check_files(leader, follower)
    acceptor = Acceptor("127.0.0.1:0", Credentials.of(leader.folder))
    near, far, _, _ = connect(acceptor, Dialer(f"127.0.0.1:{acceptor.port}", Credentials.of(follower.folder)))
    close(near, far, acceptor)


def check_files(leader: Host, follower: Host) -> None:
    """Likewise, as their files have it."""
    assert [leader.state.role, follower.state.role] == ["primary", "secondary"]
    if not (leader.data / "journal").exists():
        assert leader.state.journal_id == follower.state.journal_id != ""
    for host, other in ((leader, follower), (follower, leader)):
        assert {path.stat().st_mode & 0o777 for path in host.folder.iterdir()} == {0o600}
        assert host.folder.stat().st_mode & 0o777 == 0o700
        assert not list(host.folder.glob("*.new"))
        certificate = (host.folder / "certificate.pem").read_bytes()
        assert (host.folder / "key.pem").read_bytes().endswith(certificate)
        assert (other.folder / "peer.pem").read_bytes() == certificate


def refused(capsys: pytest.CaptureFixture[str], *arguments: Path, **options: Any) -> str:
    """What the command says that refuses; it has changed nothing."""
    assert pair(*arguments, yes=True, **options) == 1
    said = capsys.readouterr().err
    assert "nothing was changed" in said
    return said


# On one machine


def test_two_configurations_are_paired_at_once_and_again(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    assert pair(a.file, b.file) == 0
    check_paired(a, b)
    before = contents(a, b)
    assert pair(a.file, b.file) == 0
    assert pair(a.file) == 0
    assert contents(a, b) == before


def test_both_seal_and_open_with_one_key(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    b.data.mkdir(parents=True)
    sealed = venue_key.make(b.data).seal_secret("n", b"s")
    assert pair(a.file, b.file) == 0
    assert (a.data / venue_key.FILE).stat().st_mode & 0o777 == 0o600
    for host in hosts:
        key = venue_key.load(host.data)
        assert key is not None
        assert key.open_secret("n", sealed) == b"s"
    other = venue_key.make(a.data).seal_secret("n", b"s")
    assert pair(a.file, b.file) == 0
    assert other != sealed
    assert (a.data / venue_key.FILE).read_bytes() != (b.data / venue_key.FILE).read_bytes(), "what is there stays"


def test_two_new_nodes_get_one_key(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    assert pair(a.file, b.file) == 0
    assert (a.data / venue_key.FILE).read_bytes() == (b.data / venue_key.FILE).read_bytes()


def test_a_dry_run_writes_nothing_and_says_what_it_would(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = hosts
    assert pair(a.file, b.file, dry_run=True) == pair(a.file, dry_run=True) == 0
    assert not a.data.exists()
    assert not b.data.exists()
    said = capsys.readouterr().out
    assert f"would write {b.folder / 'role.json'}: this node follows" in said
    pair(a.file)
    pair(b.file, taken=a.offer, dry_run=True)
    assert not b.data.exists()


def test_renewed_keys_are_new_on_both_and_roles_stay(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    pair(a.file, b.file)
    before = contents(a, b)
    assert pair(a.file, b.file, renew=True) == 0
    check_paired(a, b)
    after = contents(a, b)
    for host in hosts:
        assert after[host.folder / "key.pem"] != before[host.folder / "key.pem"]
        assert after[host.folder / "role.json"] == before[host.folder / "role.json"]


def test_the_one_with_a_journal_leads_whichever_is_named_first(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    journal_id = b.begin_journal()
    assert pair(a.file, b.file) == 0
    check_paired(b, a)
    assert a.state.journal_id == journal_id


def test_of_two_without_a_journal_the_one_that_is_to_follow_does(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    assert pair(a.file, secondary=True) == 0
    assert pair(a.file, b.file) == 0
    check_paired(b, a)


def test_one_folder_is_no_two_nodes(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    b.file.write_text(b.file.read_text().replace("b-data", "a-data"))
    with pytest.raises(UsageError, match="each node needs its own"):
        pair(a.file, b.file)
    with pytest.raises(UsageError, match="nothing is exchanged by files"):
        pair(a.file, b.file, secondary=True)
    b.file.write_text(b.file.read_text().replace('node = "b"', ""))
    with pytest.raises(UsageError, match=r"replication\.node"):
        pair(b.file)


# By files


def test_files_are_exchanged_and_say_what_to_do_next(
    hosts: tuple[Host, Host], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = hosts
    assert pair(a.file, to=tmp_path / "from-a") == 0
    said = capsys.readouterr().out
    code = offers.read(tmp_path / "from-a").code
    assert f"node a shows the code {code}" in said
    assert "lockstep pair CONFIG --with from-a" in said
    assert "PRIVATE" not in (tmp_path / "from-a").read_text()
    assert pair(b.file, taken=tmp_path / "from-a", yes=True) == 0
    assert "node a leads, node b follows" in (said := capsys.readouterr().out)
    assert f"copy {b.offer} to node a" in said
    assert pair(a.file, taken=b.offer, yes=True, json=True) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["outcome"], outcome["leads"], outcome["follows"]) == ("paired", "a", "b")
    assert outcome["next"].startswith("lockstep run each of the two")
    check_paired(a, b)


def test_without_a_terminal_the_code_must_be_confirmed(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = hosts
    pair(a.file)
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115
    assert pair(b.file, taken=a.offer) == 1
    assert "not confirmed: nothing was changed" in capsys.readouterr().out
    assert not b.data.exists()


def test_both_come_to_the_same_in_whichever_order_files_are_taken(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    a, b = hosts
    for host in hosts:
        pair(host.file, to=tmp_path / host.offer.name)
    for host, other in ((b, a), (a, b)):  # each takes what the other said before it had taken anything
        assert pair(host.file, taken=tmp_path / other.offer.name, yes=True) == 0
    check_paired(a, b)


def test_a_clock_that_is_an_hour_slow_makes_nobody_the_leader(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    pair(a.file)
    late = msgspec.structs.replace(offers.read(a.offer), made_ns=2**62)
    a.offer.write_bytes(offers.pack(late))
    pair(b.file, taken=a.offer, yes=True)
    pair(a.file, taken=b.offer, yes=True)
    check_paired(a, b)


def test_a_secondary_that_never_began_takes_another_primary(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    a, b = hosts
    pair(a.file, b.file)
    other = Host(tmp_path, "c", port=9910, peer_port=9911)
    journal_id = other.begin_journal()
    assert pair(other.file, b.file) == 0
    check_paired(other, b)
    assert b.state.journal_id == journal_id


def test_who_has_lost_its_disk_follows_the_one_that_has_the_log(hosts: tuple[Host, Host]) -> None:
    a, b = hosts
    b.begin_journal()
    node.save(b.data, Node("secondary"))  # not yet promoted
    assert pair(a.file, b.file) == 0
    assert (a.state.role, b.state.role) == ("secondary", "secondary")
    assert a.state.journal_id == journal_id_of(b.data)


def test_a_restored_backup_follows_where_it_is_told_to(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = hosts
    for host in hosts:
        host.begin_journal(b"0123456789abcdef")
    assert "give the one that was restored from a backup --secondary" in refused(capsys, a.file, b.file)
    assert pair(b.file, secondary=True) == 0
    assert pair(a.file, b.file) == 0
    check_paired(a, b)
    with stopped(a.data), pytest.raises(UsageError, match="the venue runs"):
        pair(a.file, secondary=True)
    with stopped(a.data):
        assert pair(a.file, b.file, renew=True) == 0  # a role that stays needs no stop
    check_paired(a, b)


def test_a_journal_that_no_longer_begins_at_one_needs_a_copy(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = hosts
    journal_id = a.begin_journal(records=12)
    retain(a.data / "journal", 9)
    assert pair(a.file, b.file, yes=True) == 0
    check_paired(a, b)
    assert b.state.journal_id == journal_id
    said = capsys.readouterr().out
    assert "the journal of node a begins with record" in said
    assert "lockstep join on node b" in said


# Who can't be a pair


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"venue": "elsewhere"}, "it is of venue elsewhere, and this node of lockstep"),
        ({"scale": 6}, "assets[USDT].scale is 8 here, and 6 on b"),
        ({"durability": "replicated"}, "venue.durability is both here, and replicated on b"),
        ({"salt": "B" * 21 + "A"}, "accounts[T1].password_hash differs"),
    ],
)
def test_nodes_that_differ_where_they_must_not_are_told_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], said: str
) -> None:
    a, b = Host(tmp_path, "a"), Host(tmp_path, "b", **changed)
    pair(b.file)
    capsys.readouterr()
    assert said in refused(capsys, a.file, taken=b.offer)
    assert not a.data.exists()


def test_a_port_that_does_not_match_is_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = Host(tmp_path, "a"), Host(tmp_path, "b", port=9999)
    assert pair(a.file, b.file) == 0
    assert "say 127.0.0.1:9911, and node b listens on 127.0.0.1:9999" in capsys.readouterr().out


def test_a_node_of_the_same_name_another_build_or_its_own_file_is_refused(
    hosts: tuple[Host, Host], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = hosts
    for host in hosts:
        pair(host.file)
    assert "it is this node's own" in refused(capsys, a.file, taken=a.offer)
    offer = offers.read(b.offer)
    file = tmp_path / "made.pair"
    for changed, said in (
        ({"node": "a"}, "both nodes are called a"),
        ({"layout": "0" * 16}, "runs another build"),
        ({"rules": offer.rules + 1}, "runs another build"),
    ):
        file.write_bytes(offers.pack(msgspec.structs.replace(offer, **changed)))
        assert said in refused(capsys, a.file, taken=file)
    for host in hosts:
        host.begin_journal()
    assert "both nodes have a journal, and not of one venue" in refused(capsys, a.file, b.file)


@pytest.mark.parametrize("damage", ["cut", "flip", "foreign", "empty", "no certificate", "missing"])
def test_a_file_that_is_damaged_or_foreign_ends_in_one_message(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    a, b = hosts
    pair(a.file)
    whole = a.offer.read_bytes()
    file = a.offer.with_name("damaged.pair")
    changed = {
        "cut": whole[:-40],
        "flip": whole.replace(b"127.0.0.1:9910", b"127.0.0.1:9810"),
        "foreign": b'{"offer": {"venue": "x"}, "code": ""}',
        "empty": b"",
        "no certificate": whole.replace(b"BEGIN", b"BEGUN"),
    }
    if damage in changed:
        file.write_bytes(changed[damage])
    capsys.readouterr()
    said = refused(capsys, b.file, taken=file)
    assert str(file) in said
    assert not b.data.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
        {"journal_id": "of old"},
        {"node": "../b"},
        {"listens": "nowhere"},
        {"first_seq": -1},
    ],
)
def test_a_sealed_file_of_what_no_node_says_is_taken_nowhere(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str], changed: dict[str, Any]
) -> None:
    """Its code is right: else the certificate, or the role, would be on the disk before anybody noticed."""
    a, b = hosts
    pair(a.file)
    a.offer.write_bytes(offers.pack(msgspec.structs.replace(offers.read(a.offer), **changed)))
    capsys.readouterr()
    assert f"{a.offer} is no whole pairing file" in refused(capsys, b.file, taken=a.offer)
    assert not b.data.exists()


def test_a_copy_that_can_have_no_place_is_refused_before_anything_is_written(
    hosts: tuple[Host, Host], tmp_path: Path
) -> None:
    for to in (tmp_path, tmp_path / "nowhere" / "a.pair"):
        with pytest.raises(UsageError, match=f"--to is {to}, where no file can be"):
            pair(hosts[0].file, to=to)
    assert not hosts[0].data.exists()


def test_any_changed_byte_of_a_file_is_noticed_or_means_nothing(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    a, _ = hosts
    pair(a.file)
    whole = a.offer.read_bytes()
    offer, file = offers.read(a.offer), tmp_path / "changed.pair"
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with suppress(offers.OfferError):
            assert offers.read(file) == offer


def test_a_damaged_key_is_named_and_can_be_renewed(
    hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = hosts
    pair(a.file, b.file)
    key = a.folder / "key.pem"
    key.write_bytes(key.read_bytes()[:200])
    assert f"{key} has no key and certificate" in refused(capsys, a.file, b.file)
    assert pair(a.file, b.file, renew=True) == 0
    check_paired(a, b)


def test_a_key_that_others_can_read_is_closed(hosts: tuple[Host, Host]) -> None:
    """As a restored copy may be."""
    a, b = hosts
    pair(a.file, b.file)
    (a.folder / "key.pem").chmod(0o644)
    assert pair(a.file) == 0
    check_paired(a, b)


# Killed


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """Hundreds of syncs are not what is tested here."""
    with TemporaryDirectory(dir="/dev/shm", prefix="pairing-test-") as name:
        yield Path(name)


@pytest.mark.parametrize("renew", [False, True])
def test_killed_at_any_step_it_is_whole_again_by_the_same_command(in_memory: Path, renew: bool) -> None:
    begun = begun_in(in_memory, paired=renew)
    for moment in range(100):
        a, b = copied(begun, in_memory / f"{moment}")
        done = dies_at(moment, lambda a=a, b=b: pair(a.file, b.file, renew=renew))  # type: ignore[misc]
        check_whole(a, b)
        if done:
            assert moment > 18
            return
        assert pair(a.file, b.file) == 0
        check_files(a, b)
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("renew", [False, True])
@pytest.mark.parametrize("stage", [0, 1, 2])
def test_killed_at_any_step_of_an_exchange_by_files_it_goes_on_by_the_same_command(
    in_memory: Path, stage: int, renew: bool
) -> None:
    begun = begun_in(in_memory, paired=renew)
    for each in exchange(*hosts_in(begun), renew=renew)[:stage]:
        assert each() == 0
    for moment in range(100):
        a, b = copied(begun, in_memory / f"{moment}")
        steps = exchange(a, b, renew=renew)
        done = dies_at(moment, steps[stage])
        check_whole(a, b)
        assert stage or renew or not b.data.exists()
        assert stage != 1 or renew or not (a.folder / "peer.pem").exists()
        if done:
            assert moment > 4
            return
        for each in steps[stage:]:
            assert each() == 0
        check_files(a, b)
    raise AssertionError("it never came to its end")


def begun_in(folder: Path, *, paired: bool) -> Path:
    """A folder of two nodes: new ones, or a pair."""
    begun = folder / "begun"
    begun.mkdir()
    a, b = hosts_in(begun)
    if paired:
        assert pair(a.file, b.file) == 0
    return begun


def hosts_in(folder: Path) -> tuple[Host, Host]:
    return Host(folder, "a"), Host(folder, "b")


def copied(begun: Path, folder: Path) -> tuple[Host, Host]:
    return hosts_in(shutil.copytree(begun, folder))


def exchange(a: Host, b: Host, *, renew: bool) -> list[Callable[[], int]]:
    """The commands by which two hosts become a pair, or the first one's new key is known to the other."""
    from_a, from_b = a.file.with_suffix(".pair"), b.file.with_suffix(".pair")
    return [
        lambda: pair(a.file, to=from_a, renew=renew),
        lambda: pair(b.file, taken=from_a, to=from_b, yes=True),
        lambda: pair(a.file, taken=from_b, yes=True),
    ]


def dies_at(moment: int, command: Callable[[], int]) -> bool:
    """Give the command in a process that SIGKILL ends at the step of this number that changes the disk: before a file
    gets its name or a folder is made, or where a file has half of what it is to have. Whether it ended well."""
    child = os.fork()
    if child == 0:
        _run_until(moment, command)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL)
    return code == 0


def _run_until(moment: int, command: Callable[[], int]) -> NoReturn:
    seen, sync = 0, os.fsync

    def count() -> bool:
        nonlocal seen
        seen += 1
        return seen > moment

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event in ("os.rename", "os.mkdir") and count():
            os.kill(os.getpid(), signal.SIGKILL)

    def half_written(fd: int) -> None:
        if stat.S_ISREG((found := os.fstat(fd)).st_mode) and count():
            os.ftruncate(fd, found.st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        sync(fd)

    code = 1
    try:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        os.fsync = half_written  # type: ignore[assignment]
        sys.addaudithook(hook)
        code = command()
    finally:
        os._exit(code)


def check_whole(*hosts: Host) -> None:
    """A node that knows its peer has all the rest; each file is whole, and its owner's alone."""
    for host in hosts:
        there = {path.name: path for path in host.folder.iterdir()} if host.folder.exists() else {}
        assert not any(path.stat().st_mode & 0o077 for path in (*there.values(), *host.folder.parent.glob("node")))
        for name in there.keys() & {"peer.pair", host.offer.name}:
            offers.read(there[name])
        if "key.pem" in there:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(there["key.pem"])
        if "peer.pem" in there:
            assert there.keys() >= {"key.pem", "certificate.pem", "role.json", "peer.pair"}
            Credentials(host.folder).context(server=True)
            assert host.state.journal_id
        assert host.state.role == "primary" or host.state.journal_id
