"""Who and what is at a simulated venue: its configuration, its traders, and who watches.

All that differs from seed to seed comes from the plan.
"""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from msgspec import structs

from lockstep.config.schema import (
    AccountSection,
    ApiSection,
    AssetSection,
    Config,
    FixSection,
    InstrumentSection,
    JournalSection,
    ProcessesSection,
    RingsSection,
    SnapshotsSection,
    VenueSection,
)
from lockstep.core.venue.topology import OPERATOR, Topology
from tests.passwords import PASSWORD
from tests.simulation import api, payments
from tests.simulation.audit import NAME as AUDIT
from tests.simulation.plan import PAGE, Plan
from tests.simulation.traffic import SYMBOLS

START_NS = 1_780_000_000_000_000_000
TRADERS = ("ALICE", "BOB", "CAROL")
ASSETS = ("BTC", "ETH", "USDT")
ALONE = "100000"  # what one operator deposits in a day
OPERATOR_ACCOUNT = len(TRADERS) + 1
OPERATORS = (OPERATOR_ACCOUNT, OPERATOR_ACCOUNT + 1)  # the second one where there are payments


@cache
def password_hash() -> str:
    """Of the traders' password, at the least cost: the simulation is not about its strength. The same in every run."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD, salt=b"simulation salt!")


def config_of(plan: Plan) -> Config:
    """Two instruments, three traders with money for a while, one operator; two where money leaves."""
    deposits = {"BTC": "300", "ETH": "300", "USDT": "20000"}
    accounts = [
        AccountSection(
            name=name, password_hash=password_hash(), deposits=deposits, gateway=1 + number % plan.gateways,
            demo_keys=plan.has_api,
        )
        for number, name in enumerate(TRADERS)
    ]  # fmt: skip
    accounts.append(AccountSection(name="OPERATOR", password_hash=password_hash(), operator=True))
    pays = payments.are_on(plan.seed)
    if pays:
        accounts.append(AccountSection(name="OPERATOR2", password_hash=password_hash(), operator=True))
    return Config(
        venue=VenueSection(durability=plan.durability),
        fix=FixSection(port=0, sending_time_accuracy_s=0, gateways=plan.gateways),
        api=ApiSection(
            port=0 if plan.has_api else None, request_weight_per_minute=0, orders_per_10_s=0, orders_per_day=0
        ),
        journal=JournalSection(
            segment_bytes=plan.segment_pages * PAGE, reserve_bytes=2 * PAGE, retention=plan.retention
        ),
        rings=RingsSection(
            ingress=plan.ring_ingress, log=plan.ring_log, events=plan.ring_events
        ),
        processes=ProcessesSection(profile="compact" if plan.profile == "compact" else "spread"),
        assets=[
            AssetSection(name=name, scale=8, deposit_limit=payments.LIMIT if pays and name == "ETH" else ALONE)
            for name in ASSETS
        ],
        instruments=[
            InstrumentSection(
                symbol=symbol, base=symbol[:3], quote="USDT", tick="0.01", lot="0.1", reference_price="100",
                matcher=min(number, plan.matchers), maker_fee_ppm=100, taker_fee_ppm=1000,
            )
            for number, symbol in enumerate(SYMBOLS, 1)
        ],
        accounts=accounts,
        snapshots=SnapshotsSection(interval_s=plan.snapshot_s, commands=plan.snapshot_commands, keep=plan.keep),
    )  # fmt: skip


def homes_of(config: Config) -> dict[str, int]:
    """The gateways of the accounts' sessions."""
    return {account.name: account.gateway or 1 for account in config.accounts}


def watched(topology: Topology) -> Topology:
    """The topology with one more reader of the log and of all events, who is never stalled. Without an api it has the
    ring of one, which the simulation plays."""
    rings = tuple(
        structs.replace(ring, consumers=(*ring.consumers, AUDIT)) if not ring.name.startswith("ingress") else ring
        for ring in topology.rings
    )
    if api.AGENT not in topology.agents:
        operators = topology.ring(f"ingress.{OPERATOR}")
        rings = (*rings, structs.replace(operators, name="ingress.api"))
    return structs.replace(topology, rings=rings)
