"""Checks what no single value of a configuration can tell: names that must exist, amounts that must fit each other.

It finds every problem and words it; it never repairs one.
"""

from __future__ import annotations

import functools
import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path

from lockstep.config.errors import Problem
from lockstep.config.nearest import nearest
from lockstep.config.schema import AccountSection, Config, InstrumentSection
from lockstep.config.units import seconds_of_day
from lockstep.core.schema.alphabet import fault_of_text
from lockstep.core.schema.decimals import InexactError, in_steps, in_units, unit_value

I64_MAX = 2**63 - 1
U32_MAX = 2**32 - 1
MAX_ACCOUNTS = 65_535  # the board shows each session's numbers in a table of 65,536; 0 is the venue's own account
PAGE_BYTES = 4096  # the journal writes whole pages
# The record of an account's credential has room for exactly this: RFC 9106's argon2id, 16 bytes of salt, 32 of hash.
ARGON2ID = re.compile(r"\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,6}),p=(\d{1,3})\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")
# RFC 9106 asks for eight blocks a lane; the upper bounds are ours: every logon costs so much memory and time.
ARGON2_BLOCKS_A_LANE = 8
MAX_ARGON2_KIB = 2**20
MAX_ARGON2_PASSES = 100
# What every reader of a URL takes it for: what RFC 3986 keeps for the URL itself is %XX in a name or a password.
_TEXT, _PORT = r"(?:[^\s/?#@%]|%(?!00)[0-9A-Fa-f]{2})*", r"(?::\d*)?"
_HOST = rf"(?:\[[^\s/?#@\[\]]+\]|(?:[^\s/?#@%:,\[\]]|%(?!00)[0-9A-Fa-f]{{2}})*){_PORT}"
_QUERY = r"(?:[^\s#%]|%(?!00)[0-9A-Fa-f]{2})*"
DATABASE_URL = re.compile(rf"postgres(?:ql)?://(?:{_TEXT}@)?{_HOST}(?:,{_HOST})*(?:/{_TEXT})?(?:\?{_QUERY})?")
WEBHOOK_URL = re.compile(r"https?://[!-.0-~]+(?:/[!-~]*)?")
WITNESS_URL = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}/?")
MAX_LINK_NAME = 32  # what a greeting of one node to the other has room for
MAX_PORT = 65_535
MAX_ASSETS = 4095  # tables of assets have 4,096 places, of which 0 is none
MAX_INSTRUMENTS = 4096
MAX_DEMO_NAME = 23  # so that the names of its keys have 36 characters at most


def check(config: Config, shielded: Collection[str] = ()) -> list[Problem]:
    """Every problem of `config`, in the order of the file's sections; empty if it can be used.

    The plain passwords of `shielded` accounts are in no configuration file: the venue may listen beyond loopback.
    """
    return [problem for part in _PARTS for problem in part(config)] + list(_plain_passwords(config, shielded))


def is_loopback(config: Config) -> bool:
    """Whether nothing outside this machine can reach any listener that clients use."""
    sections = (config.fix, config.market_data, config.api)
    return all(ip_address(section.address).is_loopback for section in sections)


def _listeners(config: Config) -> Iterator[Problem]:
    addresses = {section: getattr(config, section).address for section in ("fix", "market_data", "api", "metrics")}
    for section, address in addresses.items():
        if not _is_address(address):
            yield Problem(f"{section}.address", f'is {address!r}; allowed is an IP address such as "127.0.0.1"')
    if config.fix.port_of(config.fix.gateways) > MAX_PORT:
        last = config.fix.port_of(config.fix.gateways)
        yield Problem("fix.port", f"is {config.fix.port}: the last of {config.fix.gateways} gateways would have {last}")
    taken = _gateway_ports(config)
    for section in ("market_data", "api", "metrics"):
        key, port = f"{section}.port", getattr(config, section).port
        if port and port in taken:
            yield Problem(key, f"is {port}, which {taken[port]} has already: ports must differ")
        taken.setdefault(port, key)
    low, high = config.fix.min_heartbeat_s, config.fix.max_heartbeat_s
    if low > high:
        yield Problem("fix.min_heartbeat_s", f"is {low}; allowed is at most fix.max_heartbeat_s, which is {high}")
    one, total = config.fix.store_session_bytes, config.fix.store_bytes
    if one > total:
        yield Problem("fix.store_session_bytes", f"is {one}; allowed is at most fix.store_bytes, which is {total}")


def _gateway_ports(config: Config) -> dict[int, str]:
    """What each port is taken by that a gateway listens on."""
    return {
        port: "fix.port" if gateway == 1 else f"gateway {gateway} of fix.gateways"
        for gateway, port in config.fix.ports.items()
        if port
    }


def _api_listener(config: Config) -> Iterator[Problem]:
    section = config.api
    for proxy in section.trusted_proxies:
        if not _is_address(proxy):
            yield Problem("api.trusted_proxies", f'has {proxy!r}; allowed is an IP address such as "192.0.2.7"')
    for key in ("certificate", "key"):
        file = getattr(section, key)
        if file and not Path(file).is_file():
            yield Problem(f"api.{key}", f"is {file}: there is no such file")
    if bool(section.certificate) != bool(section.key):
        yield Problem("api.key", "and api.certificate are given together, or not at all")
    if section.port is None or not _is_address(section.address) or ip_address(section.address).is_loopback:
        return
    if not section.certificate and not section.trusted_proxies:
        yield Problem(
            "api.address",
            f"is {section.address}, which others can reach: give api.certificate and api.key, or name the proxy before "
            "it, which does TLS, by api.trusted_proxies",
        )


def _replication(config: Config) -> Iterator[Problem]:
    section, durability = config.replication, config.venue.durability
    if durability in ("replicated", "both") and section.node is None:
        yield Problem(
            "venue.durability", f'is "{durability}", which needs a second node: name this one by replication.node'
        )
    if section.node is not None and len(config.venue.name) > MAX_LINK_NAME:
        yield Problem("venue.name", f"has {len(config.venue.name)} characters; with a second node it has at most 32")
    for key in ("address", "peer_address"):
        if not _is_address(getattr(section, key)):
            yield Problem(
                f"replication.{key}", f'is {getattr(section, key)!r}; allowed is an IP address such as "127.0.0.1"'
            )
    if (section.address, section.port) == (section.peer_address, section.peer_port):
        yield Problem("replication.peer_port", f"is {section.port}, where this node listens itself: nodes must differ")
    if section.node is not None:
        others = {getattr(config, name).port: f"{name}.port" for name in ("market_data", "api", "metrics")}
        taken = _gateway_ports(config) | others
        ports = {"port": section.port}
        if not config.database.url:
            ports |= {"database_port": section.own_database, "peer_database_port": section.peer_database}
        for key, port in ports.items():
            if port > MAX_PORT:
                yield Problem(f"replication.{key}", f"is {port} where none is given: give one below {MAX_PORT + 1}")
            if port in taken:
                yield Problem(f"replication.{key}", f"is {port}, which {taken[port]} has already: ports must differ")
            taken[port] = f"replication.{key}"


def _witness(config: Config) -> Iterator[Problem]:
    section = config.witness
    for url in section.urls:
        if not WITNESS_URL.fullmatch(url):
            yield Problem("witness.urls", f'has {url!r}; allowed is a URL such as "http://192.0.2.7:2379"')
    for key in ("ca", "certificate", "key"):
        file = getattr(section, key)
        if file and not Path(file).is_file():
            yield Problem(f"witness.{key}", f"is {file}: there is no such file")
    if bool(section.certificate) != bool(section.key):
        yield Problem("witness.key", "and witness.certificate are given together, or not at all")
    if math.isnan(section.alone_after_s):
        yield Problem("witness.alone_after_s", "is nan; allowed is a number from 0 to 3600")
    if section.urls and config.replication.node is None:
        yield Problem("witness.urls", "needs a second node: name this one by replication.node")
    elif section.urls and config.venue.durability not in ("replicated", "both"):
        yield Problem(
            "witness.urls",
            f'needs venue.durability = "replicated" or "both": with "{config.venue.durability}" no node can know that '
            "it has all that the other one acknowledged",
        )


def _database(config: Config) -> Iterator[Problem]:
    url = config.database.url
    if url and not url.startswith(("postgresql://", "postgres://")):
        yield Problem("database.url", "must begin with postgresql://, or be empty for the embedded PostgreSQL")
    elif url and not DATABASE_URL.fullmatch(url):
        # Nothing of it is shown, as it may have a password. libpq and the resolver do show what they can't read.
        yield Problem(
            "database.url",
            "can't be read; in a user, password or name each of @ / ? # % and each space is written as %XX (@ as %40)",
        )


def _alerts(config: Config) -> Iterator[Problem]:
    if config.alerts.webhook and not WEBHOOK_URL.fullmatch(config.alerts.webhook):
        # Nothing of it is shown, as it may have a token.
        yield Problem("alerts.webhook", "must begin with http:// or https:// and a host, without spaces, or be empty")
    try:
        if config.alerts.command and not shlex.split(config.alerts.command):
            yield Problem("alerts.command", "is no command: it has spaces only")
    except ValueError as error:
        yield Problem("alerts.command", f"is no command: {error}")


def _processes(config: Config) -> Iterator[Problem]:
    if config.processes.heartbeat_timeout_s != config.processes.heartbeat_timeout_s:
        yield Problem("processes.heartbeat_timeout_s", "is nan; allowed is a number from 0.5 to 600")


def _journal(config: Config) -> Iterator[Problem]:
    size = config.journal.segment_bytes
    if size % PAGE_BYTES:
        yield Problem("journal.segment_bytes", f"is {size}; allowed is a multiple of {PAGE_BYTES}")


def _names(config: Config) -> Iterator[Problem]:
    for section, names in (
        ("assets", [asset.name for asset in config.assets]),
        ("instruments", [instrument.symbol for instrument in config.instruments]),
        ("accounts", [account.name for account in config.accounts]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield Problem(f"{section}[{name}]", f"is there {count} times: names must differ")


def _counts(config: Config) -> Iterator[Problem]:
    for section, count, most in (
        ("assets", len(config.assets), MAX_ASSETS),
        ("instruments", len(config.instruments), MAX_INSTRUMENTS),
        ("accounts", len(config.accounts), MAX_ACCOUNTS),
    ):
        if count > most:
            yield Problem(section, f"there are {count}; allowed are {most}")


def _instruments(config: Config) -> Iterator[Problem]:
    if not config.instruments:
        yield Problem("instruments", "is empty: a venue needs at least one [[instruments]]")
    scales = {asset.name: asset.scale for asset in config.assets}
    for instrument in config.instruments:
        key = f"instruments[{instrument.symbol}]"
        missing = [side for side in ("base", "quote") if getattr(instrument, side) not in scales]
        for side in missing:
            yield Problem(f"{key}.{side}", _no_asset(getattr(instrument, side), scales))
        if instrument.base == instrument.quote:
            yield Problem(f"{key}.quote", f"is {instrument.quote}, which is the base too: they must differ")
        elif not missing:
            yield from _protections(instrument, key)
            yield from _steps(instrument, key, scales[instrument.base], scales[instrument.quote])
    yield from _matchers(config)


def _steps(instrument: InstrumentSection, key: str, base_scale: int, quote_scale: int) -> Iterator[Problem]:
    """Tick, lot and reference price: whole numbers of what they are counted in, and within the records' fields."""
    tick, lot, reference = instrument.tick, instrument.lot, instrument.reference_price
    zero = [name for name, value in (("tick", tick), ("lot", lot)) if Fraction(value) == 0]
    for name in zero:
        yield Problem(f"{key}.{name}", "is zero; allowed is a decimal number above it")
    if zero:
        return
    for name, value in (("tick", tick), ("lot", lot)):
        if int(value.replace(".", "")) > U32_MAX:
            yield Problem(f"{key}.{name}", f"is {value}; its digits, read without the dot, must be at most {U32_MAX}")
    yield from _whole(f"{key}.lot", f"of {instrument.base}'s smallest units", lambda: in_units(lot, base_scale))
    yield from _whole(f"{key}.tick", "of quote units a lot", lambda: unit_value(tick, lot, quote_scale))
    if reference is not None:
        yield from _whole(f"{key}.reference_price", "of ticks", lambda: in_steps(reference, tick))
    quantity, most = instrument.max_quantity, instrument.max_value
    if quantity is not None:
        yield from _whole(f"{key}.max_quantity", "of lots", lambda: in_steps(quantity, lot), least=0)
    if most is not None:
        unit = f"of {instrument.quote}'s smallest units"
        yield from _whole(f"{key}.max_value", unit, lambda: in_units(most, quote_scale), least=0)


def _protections(instrument: InstrumentSection, key: str) -> Iterator[Problem]:
    if instrument.band_action == "auction":
        if not instrument.volatility_auction_ms:
            yield Problem(f"{key}.volatility_auction_ms", 'must be above 0 where band_action is "auction"')
        if not instrument.static_band_bps and not instrument.dynamic_band_bps:
            yield Problem(f"{key}.band_action", 'is "auction", which needs static_band_bps or dynamic_band_bps above 0')
    begins: dict[tuple[str, int], int] = {}
    for number, entry in enumerate(instrument.schedule or (), 1):
        if not entry.days:
            yield Problem(f"{key}.schedule[#{number}].days", "is empty: name at least one day, or leave it out for all")
        for day in entry.days:
            first = begins.setdefault((day, seconds_of_day(entry.time)), number)
            if first != number:
                yield Problem(f"{key}.schedule[#{number}].time", f"is {entry.time}, when #{first} begins on {day} too")


def _whole(key: str, unit: str, count: Callable[[], int], least: int = 1) -> Iterator[Problem]:
    try:
        number = count()
    except InexactError as error:
        yield Problem(key, f"{error}: it must be a whole number {unit}")
        return
    if not least <= number <= I64_MAX:
        yield Problem(key, f"is {number} {unit}; allowed is {least} to {I64_MAX}")


def _matchers(config: Config) -> Iterator[Problem]:
    used = {instrument.matcher for instrument in config.instruments}
    for number in range(1, max(used, default=0)):
        if number not in used:
            yield Problem("instruments", f"no instrument is on matcher {number}: numbers must be contiguous from 1")


def _accounts(config: Config) -> Iterator[Problem]:
    scales = {asset.name: asset.scale for asset in config.assets}
    totals: Counter[str] = Counter()
    for account in config.accounts:
        key = f"accounts[{account.name}]"
        yield from _credential(account, key)
        if account.operator and account.role not in (None, "operator"):
            yield Problem(f"{key}.operator", f'is true, and role is "{account.role}": give role alone')
        if account.demo_keys and len(account.name) > MAX_DEMO_NAME:
            yield Problem(
                f"{key}.demo_keys", f"is true: the name has {len(account.name)} characters, allowed are {MAX_DEMO_NAME}"
            )
        yield from _account_limits(account, key, config)
        if account.gateway is not None and account.gateway > config.fix.gateways:
            yield Problem(
                f"{key}.gateway", f"is {account.gateway}; allowed is at most fix.gateways, {config.fix.gateways}"
            )
        for asset, amount in account.deposits.items():
            if asset not in scales:
                yield Problem(f"{key}.deposits.{asset}", _no_asset(asset, scales))
                continue
            try:
                totals[asset] += in_units(amount, scales[asset])
            except InexactError as error:
                yield Problem(f"{key}.deposits.{asset}", f"{error}, which is all that {asset} has")
    for asset, total in totals.items():
        if total > I64_MAX:
            yield Problem("accounts", f"all deposits of {asset} are {total} smallest units; allowed is {I64_MAX}")


def _account_limits(account: AccountSection, key: str, config: Config) -> Iterator[Problem]:
    tiers = [section.tier for section in config.fee_tiers]
    if account.fee_tier and account.fee_tier not in tiers:
        allowed = ", ".join(map(str, (0, *tiers)))
        yield Problem(f"{key}.fee_tier", f"is {account.fee_tier}, which is not in [[fee_tiers]]; allowed are {allowed}")
    if bool(account.max_orders) != bool(account.window_ms):
        yield Problem(f"{key}.max_orders", "and window_ms belong together: so many orders in so many milliseconds")
    scales = {asset.name: asset.scale for asset in config.assets}
    for asset, amount in account.position_limits.items():
        where = f"{key}.position_limits.{asset}"
        if asset not in scales:
            yield Problem(where, _no_asset(asset, scales))
        else:
            count = functools.partial(in_units, amount, scales[asset])
            yield from _whole(where, f"of {asset}'s smallest units", count, least=0)


def _deposit_limits(config: Config) -> Iterator[Problem]:
    for asset in config.assets:
        if asset.deposit_limit is not None:
            count = functools.partial(in_units, asset.deposit_limit, asset.scale)
            yield from _whole(f"assets[{asset.name}].deposit_limit", "of its smallest units", count, least=0)


def _api(config: Config) -> Iterator[Problem]:
    scales = {asset.name: asset.scale for asset in config.assets}
    for asset, amount in config.api.welcome.items():
        where = f"api.welcome.{asset}"
        if asset not in scales:
            yield Problem(where, _no_asset(asset, scales))
        else:
            count = functools.partial(in_units, amount, scales[asset])
            yield from _whole(where, f"of {asset}'s smallest units", count, least=0)


def _fee_tiers(config: Config) -> Iterator[Problem]:
    for tier, count in Counter(section.tier for section in config.fee_tiers).items():
        if count > 1:
            yield Problem("fee_tiers", f"tier {tier} is there {count} times: tiers must differ")


def _credential(account: AccountSection, key: str) -> Iterator[Problem]:
    if (account.password is None) == (account.password_hash is None):
        yield Problem(key, "needs either password or password_hash, and only one of them")
    if account.password_hash is not None:
        yield from _hash(account.password_hash, f"{key}.password_hash")
    if account.password is not None and (fault := fault_of_text(account.password)):
        yield Problem(f"{key}.password", fault)


def _plain_passwords(config: Config, shielded: Collection[str]) -> Iterator[Problem]:
    if not _has_addresses(config) or is_loopback(config):
        return
    for account in config.accounts:
        if account.demo_keys:
            yield Problem(
                f"accounts[{account.name}].demo_keys",
                "gives it API keys whose secrets everybody knows: only for a venue whose listeners are all on loopback "
                "addresses",
            )
        if account.password is not None and account.name not in shielded:
            yield Problem(
                f"accounts[{account.name}].password",
                "plain text is only for a venue whose listeners are all on loopback addresses; "
                "use password_hash, or credential:NAME",
            )


def _hash(text: str, key: str) -> Iterator[Problem]:
    found = ARGON2ID.fullmatch(text)
    if found is None:
        yield Problem(key, "must be an argon2id hash, $argon2id$v=19$m=…,t=…,p=…$salt$hash, "
                      "with 16 bytes of salt and 32 of hash")  # fmt: skip
        return
    memory_kib, passes, lanes = map(int, found.groups())
    if not lanes or not ARGON2_BLOCKS_A_LANE * lanes <= memory_kib <= MAX_ARGON2_KIB:
        yield Problem(key, f"has m={memory_kib},p={lanes}; allowed are p from 1, and m from {ARGON2_BLOCKS_A_LANE} x p "
                      f"to {MAX_ARGON2_KIB} (KiB)")  # fmt: skip
    if not 1 <= passes <= MAX_ARGON2_PASSES:
        yield Problem(key, f"has t={passes}; allowed is 1 to {MAX_ARGON2_PASSES}")


def _has_addresses(config: Config) -> bool:
    return all(_is_address(section.address) for section in (config.fix, config.market_data, config.api))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _no_asset(name: str, scales: dict[str, int]) -> str:
    return f"is {name}, which is not in [[assets]]; {nearest(name, scales)}"


_PARTS = (
    _listeners,
    _api_listener,
    _replication,
    _witness,
    _database,
    _alerts,
    _deposit_limits,
    _api,
    _processes,
    _journal,
    _counts,
    _names,
    _instruments,
    _fee_tiers,
    _accounts,
)
