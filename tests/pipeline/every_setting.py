"""Configurations that say every key of the schema: one that a real pair of nodes is started with, and random ones.

The keys are enumerated from `config.schema`: a new key that none of the two says fails a test at once.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import NODEFAULT, structs

from lockstep.config.schema import (
    AccountSection,
    AssetSection,
    Config,
    FeeTierSection,
    InstrumentSection,
    ScheduleEntry,
    Section,
)
from lockstep.procs.replicator.certificates import VALID_FROM, VALID_UNTIL
from tests.ports import free_port

PEM, KEY = "test.pem", "test.key"

# Keys that the pair leaves at their default, and the test that gives them another value.
PROVED_ELSEWHERE = {
    "fix.gateways": "tests/pipeline/test_gateways.py",
    "accounts.gateway": "tests/pipeline/test_gateways.py",
    "database.url": "tests/pipeline/test_positions.py",
    "processes.hosts": "tests/pipeline/pair.py",
    "processes.lock_memory": "tests/host/test_memory.py",
    "replication.address": "tests/replicator/test_transport.py",
    "replication.peer_address": "tests/replicator/test_transport.py",
    "fix.address": "tests/config/test_checks.py",
    "fix.target_comp_id": "tests/config/test_loader.py",
    "instruments.delisted": "tests/pipeline/test_operating.py",
}


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 and .2, and its key; return the two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lockstep-test")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_UNTIL)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(f"127.0.0.{end}")) for end in (1, 2)]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / PEM, folder / KEY
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files[1].chmod(0o600)
    return files


def every_key(config: Config, folder: Path, webhook: str) -> Config:
    """Return a node's configuration with every key away from its default, but those in PROVED_ELSEWHERE.

    Ports, data folder, names and accounts of a node stay as they are; `folder` has the certificate, and gets alerts.
    """
    pem, key = str(folder / PEM), str(folder / KEY)
    both = {"certificate": pem, "key": key}
    changes: dict[str, dict[str, Any]] = {
        "venue": {"name": "every-setting"},
        "fix": {
            "max_connections": 200, "max_connections_per_address": 63, "logon_timeout_s": 11, "unread_timeout_s": 31,
            "max_messages_per_second": 9_000, "min_heartbeat_s": 2, "max_heartbeat_s": 290,
            "sending_time_accuracy_s": 100, "max_message_bytes": 4000, "store_days": 29, "store_bytes": 2**31,
            "store_session_bytes": 2**29,
        },
        "market_data": {
            "address": "127.0.0.2", "max_clients": 900, "max_clients_per_address": 400, "client_queue_bytes": 2**21,
        },
        "api": {
            "address": "127.0.0.2", "host_names": ["venue.example"], "trusted_proxies": ["192.0.2.7"],
            "max_connections": 1900, "max_connections_per_address": 400, "request_weight_per_minute": 5000,
            "orders_per_10_s": 90, "orders_per_day": 100_000, "registration": "approval", "welcome": {"USDT": "1"},
        } | both,
        "database": {"batch_rows": 1000},
        "rings": {"ingress": 4096, "log": 16384, "events": 16384},
        "journal": {"segment_bytes": 2**20, "reserve_bytes": 2**19, "retention": "snapshots"},
        "snapshots": {"interval_s": 50, "commands": 500_000, "keep": 3},
        "client_ids": {"window_s": 3600, "older": 2**16},
        "processes": {
            "profile": "spread", "spin_us": 10, "heartbeat_timeout_s": 9.0, "hosts": {},
            "cpus": {"publisher": min(os.sched_getaffinity(0))},
        },
        "alerts": {
            "command": f"cp /dev/stdin {folder / 'alert.json'}", "webhook": webhook, "disk_low_bytes": 2**20,
            "database_behind_s": 50.0,
        },
        "metrics": {"address": "127.0.0.3", "port": free_port(), "host_names": ["metrics.example"]},
        "replication": {
            "acknowledge": "memory", "catch_up_mb_s": 100, "database_port": free_port(),
            "peer_database_port": free_port(),
        },
        "witness": {"ca": pem} | both,
    }  # fmt: skip
    made = structs.replace(
        config, **{name: structs.replace(getattr(config, name), **keys) for name, keys in changes.items()}
    )
    symbol = InstrumentSection(
        symbol="EVERYUSDT", base="EVERY", quote="USDT", tick="0.05", lot="0.01", matcher=2, reference_price="10",
        collar_bps=400, maker_fee_ppm=10, taker_fee_ppm=20, schedule=_always_open(), static_band_bps=900,
        dynamic_band_bps=800, band_action="auction", volatility_auction_ms=1000, max_quantity="1000",
        max_value="100000", day_end="01:00",
    )  # fmt: skip
    account = AccountSection(
        name="EVERYONE", password_hash=config.accounts[0].password_hash, deposits={"EVERY": "10", "USDT": "1000"},
        self_trade="cancel_both", self_trade_group=1, fee_tier=1, max_open_orders=50, max_orders=40, window_ms=1000,
        position_limits={"EVERY": "100"}, demo_keys=True,
    )  # fmt: skip
    plain = AccountSection(name="AUDITOR", password="plain-words-of-no-use", role="auditor")
    return structs.replace(
        made,
        assets=[*config.assets, AssetSection(name="EVERY", scale=4, deposit_limit="500")],
        instruments=[*config.instruments, symbol],
        fee_tiers=[FeeTierSection(tier=1, maker_fee_ppm=5, taker_fee_ppm=6)],
        accounts=[*config.accounts, account, plain],
    )


def _always_open() -> list[ScheduleEntry]:
    return [ScheduleEntry(time="00:00", phase="continuous", days=["mon", "tue", "wed", "thu", "fri", "sat", "sun"])]


def keys_at_their_default(config: Config) -> set[str]:
    """Every key of the schema that `config` leaves at its default, as section.key; a section of a list by any entry."""
    found = set()
    for field in structs.fields(Config):
        value = getattr(config, field.name)
        entries: list[Section] = value if isinstance(value, list) else [value]
        if not entries:
            found.add(field.name)
            continue
        for key in structs.fields(type(entries[0])):
            default = key.default_factory() if key.default_factory is not NODEFAULT else key.default
            if default is not NODEFAULT and all(getattr(entry, key.name) == default for entry in entries):
                found.add(f"{field.name}.{key.encode_name}")
    return found


def drawn(config: Config, rng: random.Random) -> Config:
    """Return `config` with values drawn for every key that one node can be started with in any combination."""
    sections: dict[str, dict[str, Any]] = {}
    for key, values in _choices():
        section, _, name = key.partition(".")
        sections.setdefault(section, {})[name] = rng.choice(values)
    return structs.replace(
        config, **{name: structs.replace(getattr(config, name), **keys) for name, keys in sections.items()}
    )


def _choices() -> Iterator[tuple[str, list[Any]]]:
    """Each key with its least, its greatest and a usual value, as far as a shared machine has room for them."""
    yield "venue.durability", ["none", "local"]
    yield "fix.max_connections", [1, 256, 10_000]
    yield "fix.max_connections_per_address", [1, 64]
    yield "fix.logon_timeout_s", [1, 60]
    yield "fix.unread_timeout_s", [2, 3600]
    yield "fix.max_messages_per_second", [0, 100, 1_000_000]
    yield "fix.min_heartbeat_s", [1, 30]
    yield "fix.max_heartbeat_s", [30, 3600]
    yield "fix.sending_time_accuracy_s", [0, 60, 86_400]
    yield "fix.max_message_bytes", [512, 8192]
    yield "fix.store_days", [1, 36_500]
    yield "market_data.max_clients", [1, 100_000]
    yield "market_data.client_queue_bytes", [65_536, 2**30]
    yield "api.max_connections", [1, 100_000]
    yield "api.request_weight_per_minute", [0, 6000, 10**9]
    yield "api.orders_per_10_s", [0, 100, 10**9]
    yield "api.registration", ["closed", "open", "approval", None]
    yield "database.batch_rows", [100, 1_000_000]
    yield "rings.ingress", [64, 1024]
    yield "rings.log", [64, 65_536]
    yield "rings.events", [64, 65_536]
    yield "journal.segment_bytes", [65_536, 2**22]
    yield "journal.reserve_bytes", [0, 2**20, None]
    yield "journal.retention", ["all", "snapshots"]
    yield "snapshots.interval_s", [0, 1, 86_400]
    yield "snapshots.commands", [0, 100, 10**12]
    yield "snapshots.keep", [2, 1000]
    yield "client_ids.window_s", [0, 31 * 86_400]
    yield "client_ids.older", [0, 2**16]
    yield "processes.profile", ["compact", "spread"]
    yield "processes.spin_us", [0, 1000]
    yield "processes.heartbeat_timeout_s", [5.0, 600.0]
    yield "alerts.command", ["", "true"]
    yield "alerts.disk_low_bytes", [0, 2**60]
    yield "alerts.database_behind_s", [1.0, 86_400.0]
