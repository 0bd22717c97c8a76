"""A configuration is loaded whole, or refused with every file, key and allowed value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from lockstep import config
from lockstep.config import Config, ConfigError
from lockstep.config.schema import Section

DEMO = Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml"


def refusals(folder: Path, *changes: tuple[str, str], tail: str = "") -> list[str]:
    """What is said of the demo configuration after each (old, new) change of its text, without the file's name."""
    text = DEMO.read_text()
    for old, new in changes:
        assert old in text, f"lockstep/config/demo.toml no longer has {old}"
        text = text.replace(old, new)
    file = folder / "venue.toml"
    file.write_text(text + tail)
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def test_the_demo_venue_is_the_one_that_the_readme_promises() -> None:
    demo = config.load(DEMO)
    assert (demo.fix.address, demo.fix.port, demo.fix.target_comp_id) == ("127.0.0.1", 9878, "LOCKSTEP")
    assert (demo.market_data.address, demo.market_data.port) == ("127.0.0.1", 8081)
    assert (demo.metrics.address, demo.metrics.port) == ("127.0.0.1", 9879)
    traders = [account.name for account in demo.accounts if account.name.startswith("TRADER")]
    assert traders == [f"TRADER{number}" for number in range(1, 9)]
    assert [account.name for account in demo.accounts if account.operator] == ["OPERATOR1", "OPERATOR2"]
    assert [account.name for account in demo.accounts if account.role == "admin"] == ["ADMIN1", "ADMIN2"]
    assert {(item.maker_fee_ppm, item.taker_fee_ppm) for item in demo.instruments} == {(200, 500)}
    assert {account.password for account in demo.accounts} == {"demo"}
    assert {(item.symbol, item.tick, item.lot, item.matcher) for item in demo.instruments} == {
        ("BTCUSDT", "0.01", "0.0001", 1),
        ("ETHUSDT", "0.01", "0.0001", 1),
        ("SOLUSDT", "0.01", "0.0001", 2),
    }


def keys_of(section: Any) -> set[str]:
    """The keys that a table of the file may have, those of the tables below it included."""
    keys: set[str] = set()
    for name, hint in get_type_hints(section).items():
        parts = {hint, *get_args(hint)} | {part for argument in get_args(hint) for part in get_args(argument)}
        tables = [part for part in parts if isinstance(part, type) and issubclass(part, Section)]
        keys |= {name}.union(*map(keys_of, tables))
    return keys


def test_the_demo_shows_every_key_and_what_is_commented_out_can_be_used(tmp_path: Path) -> None:
    text = DEMO.read_text()
    assert {key for key in keys_of(Config) if not re.search(rf"\b{key}\b( =|\])", text)} == set()
    optional = r"# (?=(\w+ = [\[\"{0-9ft]|\[\[fee_tiers|  \{|\] ))"
    before, after = text.split("[[instruments]]", 1)
    file = tmp_path / "venue.toml"
    file.write_text(f"{before}[[instruments]]{re.sub(rf'^{optional}', '', after, flags=re.MULTILINE)}")
    loaded = config.load(file)
    instrument, account = loaded.instruments[0], loaded.accounts[0]
    assert [getattr(instrument, name) for name in instrument.__struct_fields__ if name != "schedule"].count(None) == 0
    assert [(entry.time, entry.phase, len(entry.days)) for entry in instrument.schedule or ()][-2:] == [
        ("16:30", "closing_auction", 5), ("16:35", "closed", 7),
    ]  # fmt: skip
    assert [name for name in account.__struct_fields__ if getattr(account, name) is None] == ["password_hash"]
    assert [tier.tier for tier in loaded.fee_tiers] == [1]


def test_a_relative_data_folder_starts_at_the_file_or_for_an_example_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "venue.toml").write_text(DEMO.read_text())
    assert config.load(tmp_path / "venue.toml").venue.data == str(tmp_path / "lockstep-data")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert config.load(DEMO).venue.data == str(tmp_path / "here" / "lockstep-data")


def test_an_absolute_data_folder_stays(tmp_path: Path) -> None:
    file = tmp_path / "venue.toml"
    file.write_text(DEMO.read_text().replace('"lockstep-data"', '"/srv/venue"'))
    assert config.load(file).venue.data == "/srv/venue"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (("port = 9878", "prot = 9878"), "fix.prot: there is no such key; did you mean port?"),
        (
            ("port = 9878", "zzz = 9878"),
            (
                "fix.zzz: there is no such key; allowed are address, port, gateways, target_comp_id, max_connections, "
                "max_connections_per_address, logon_timeout_s, unread_timeout_s, max_messages_per_second, "
                "min_heartbeat_s, max_heartbeat_s, "
                "sending_time_accuracy_s, max_message_bytes, store_days, store_bytes, store_session_bytes"
            ),
        ),
        (("port = 9878", 'port = "9878"'), "fix.port: is '9878'; allowed is a whole number from 0 to 65535"),
        (("port = 9879", "port = -1"), "metrics.port: is -1; allowed is a whole number from 0 to 65535"),
        (
            ("host_names = []                     # accepted", 'host_names = ["a b"]  #'),
            "metrics.host_names[#1]: is 'a b'; allowed is a host name in quotes, such as \"venue.example\"",
        ),
        (("port = 9878", "port = 98780"), "fix.port: is 98780; allowed is a whole number from 0 to 65535"),
        (
            ('durability = "local"', 'durability = "most"'),
            "venue.durability: is 'most'; allowed is one of both, local, none, replicated",
        ),
        (
            ('name = "SOL"\nscale = 8', 'name = "SOL"\nscale = 1.5'),
            "assets[SOL].scale: is 1.5; allowed is a whole number from 0 to 18",
        ),
        (
            ('tick = "0.01"                       #', "tick = 0.01 #"),
            'instruments[BTCUSDT].tick: is 0.01; allowed is a decimal number in quotes, such as "0.01"',
        ),
        (("# core = 1", "core = -1"), "processes.cpus.core: is -1; allowed is a whole number from 0 to 4095"),
        (
            ("operator = false", 'operator = "yes"'),
            "accounts[TRADER1].operator: is 'yes'; allowed is true or false",
        ),
        (
            ('# day_end = "00:00"', 'day_end = "24:00"'),
            "instruments[BTCUSDT].day_end: is '24:00'; allowed is a time of day (UTC), such as \"08:30\"",
        ),
        (
            ('# band_action = "reject"', 'band_action = "stop"'),
            "instruments[BTCUSDT].band_action: is 'stop'; allowed is one of auction, reject",
        ),
        (
            ("# delisted = false", 'schedule = [{ time = "08:00", phase = "delisted" }]'),
            (
                "instruments[BTCUSDT].schedule[#1].phase: is 'delisted'; allowed is one of cancel_only, closed, "
                "closing_auction, continuous, halt, opening_auction, pre_open"
            ),
        ),
        (
            ("# delisted = false", 'schedule = [{ phase = "closed" }]'),
            'instruments[BTCUSDT].schedule[#1].time: is missing: it must be a time of day (UTC), such as "08:30"',
        ),
        (
            ("heartbeat_timeout_s = 10.0", "heartbeat_timeout_s = 0"),
            "processes.heartbeat_timeout_s: is 0; allowed is a number from 0.5 to 600",
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_is_allowed(
    tmp_path: Path, change: tuple[str, str], refusal: str
) -> None:
    assert refusals(tmp_path, change) == [refusal]


def test_what_is_not_toml_is_placed(tmp_path: Path) -> None:
    (found,) = refusals(tmp_path, ("[rings]", "[rings]\nlog = 1"))
    assert found.startswith("this is not TOML: Cannot overwrite a value (at line ")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    (found,) = refusals(tmp_path, ('symbol = "BTCUSDT"', ""))
    assert found == "instruments[#1].symbol: is missing: it must be 1 to 16 capital letters or digits"


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    found = refusals(tmp_path, ("port = 9878", "port = -1"), ("max_clients =", "max_client ="))
    assert [line.partition(":")[0] for line in found] == ["fix.port", "market_data.max_client"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"venue\.toml: the file can't be read: No such file"):
        config.load(tmp_path / "venue.toml")


@pytest.mark.parametrize("below", ["", "/venue"])
def test_a_data_folder_that_can_not_be_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("")
    file = tmp_path / "venue.toml"
    text = (Path(__file__).parents[2] / "lockstep" / "config" / "demo.toml").read_text()
    file.write_text(text.replace('data = "lockstep-data"', f'data = "{tmp_path}/taken{below}"'))
    with pytest.raises(ConfigError, match=r"venue\.data: is .*taken is a file"):
        config.load(file)
    file.write_text(text.replace('data = "lockstep-data"', 'data = "a\\u0000b"'))
    with pytest.raises(ConfigError, match=r"venue\.data: .*no path"):
        config.load(file)
