"""The text of a venue's configuration: what `lockstep init` writes, and how the second node's comes from the first's.

It makes text and checks answers; it reads and writes no file.
"""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from msgspec import Struct

PAIR = re.compile(r"([A-Z0-9]{1,16})/([A-Z0-9]{1,16})(?:@([0-9]{1,15}(?:\.[0-9]{1,8})?))?")
NAMES = re.compile(r"[\s,]+")
APART = 10  # between the ports of two nodes on one machine

VENUE = """\
# A Lockstep venue. Keys that are left out have their defaults: the project's lockstep/config/demo.toml explains them
# all. lockstep check says what a start with a changed file would do.

[venue]
name = "{name}"
data = "{data}"               # everything the venue keeps; a relative path starts at this file's folder
durability = "{durability}"     # "local": orders are answered once they are synced to the disk; "none": once written

[fix]
address = "127.0.0.1"       # no TLS: another address belongs behind a private network
port = {fix_port}

[market_data]
address = "127.0.0.1"
port = {market_port}

# The web page, REST and WebSocket. Beyond loopback it needs a certificate, or a proxy that has one.
[api]
address = "127.0.0.1"
port = {api_port}
# host_names = ["venue.example"]      # names that browsers may use, besides IP addresses and localhost
# certificate = ""                    # of TLS: a PEM file, and that of its key
# key = ""
registration = "closed"     # "open": anyone may make an account for themselves; "approval": an operator unblocks it

# For Prometheus and load balancers: /metrics, /health/ready, /health/leader.
[metrics]
address = "127.0.0.1"
port = {metrics_port}

[database]
url = ""                    # postgresql://user@host:port/name; empty: an embedded server under the data folder

# Alerts for the person on duty.
# [alerts]
# command = ""              # a program that gets each event as JSON on its standard input
# webhook = ""              # an http or https URL that gets it by POST

# Assets. scale: decimals of the smallest unit. Assets stay listed, with the scale they began with.
"""
ASSET = """
[[assets]]
name = "{name}"
scale = 8
# deposit_limit = "0"       # a deposit of more takes two operators
"""
INSTRUMENT = """
[[instruments]]
symbol = "{symbol}"
base = "{base}"
quote = "{quote}"
tick = "{tick}"               # step of the price
lot = "{lot}"              # step of the quantity
maker_fee_ppm = {maker}        # of what a side receives, in 1/1,000,000
taker_fee_ppm = {taker}
dynamic_band_bps = {band}     # how far from the last trade orders trade, in 1/10,000; 0: any distance
# static_band_bps = 0       # how far from the reference price
{reference}
"""
REFERENCE = 'reference_price = "{price}"   # where market orders start from until the first trade'
NO_REFERENCE = (
    '# reference_price = "100"   # where market orders start from until the first trade; without it they wait'
)
ACCOUNT = """
[[accounts]]
name = "{name}"             # FIX SenderCompID and Username
password_hash = "{hash}"
{rest}"""
TRADER = """\
# deposits = {{ {quote} = "1000000" }}   # given once; later: lockstep deposit
"""
OPERATOR = """\
operator = true             # may halt, cancel, adjust: two, since one approves what the other proposes
"""
ADMIN = """\
role = "admin"              # says who may do what
"""
REPLICATION = """
# The other node of this venue: docs/operations.md, "A pair of nodes".
[replication]
node = "{node}"
address = "{address}"
port = {port}
peer_address = "{peer_address}"
peer_port = {peer_port}
"""


class Pair(Struct, frozen=True):
    """An instrument that is wanted: `price` is its reference price, "" for none."""

    base: str
    quote: str
    price: str = ""

    @property
    def steps(self) -> tuple[str, str]:
        """Tick and lot: finer prices for cheap assets. Their product is whole in the quote's smallest units."""
        if not self.price or Decimal(self.price) >= 10 or Decimal(self.price) == 0:
            return "0.01", "0.0001"
        exponent = max(-8, int(Decimal(self.price).log10().to_integral_value(ROUND_FLOOR)) - 4)
        return f"{Decimal(10) ** exponent:f}", f"{Decimal(10) ** max(-4, -8 - exponent):f}"


class Wishes(Struct, frozen=True, kw_only=True):
    """The contents of the file."""

    name: str
    data: str
    durability: Literal["local", "none"]
    fix_port: int
    market_port: int
    api_port: int
    metrics_port: int
    pairs: list[Pair]
    maker_fee_ppm: int
    taker_fee_ppm: int
    band_bps: int
    traders: list[str]
    operators: list[str]
    admins: list[str]


def pairs(text: str) -> list[Pair]:
    """Return the instruments that `text` names. ValueError for a word that names no instrument, or an empty text."""
    found = []
    for word in words(text):
        match = PAIR.fullmatch(word)
        if match is None:
            raise ValueError(f"{word}: a pair of assets in capital letters is wanted, such as BTC/USDT@60000")
        found.append(Pair(match[1], match[2], match[3] or ""))
    if not found:
        raise ValueError("a venue needs an instrument, such as BTC/USDT")
    return found


def words(text: str) -> list[str]:
    """Return what `text` lists, with commas or spaces between."""
    return [word for word in NAMES.split(text) if word]


def text_of(wishes: Wishes, hashes: dict[str, str]) -> str:
    """Return the file of a venue, with the hashes of its accounts' passwords."""
    assets = dict.fromkeys(asset for pair in wishes.pairs for asset in (pair.base, pair.quote))
    trader = TRADER.format(quote=wishes.pairs[0].quote)
    sections = [
        VENUE.format(
            name=wishes.name, data=wishes.data, durability=wishes.durability, fix_port=wishes.fix_port,
            market_port=wishes.market_port, api_port=wishes.api_port, metrics_port=wishes.metrics_port,
        ),
        *(ASSET.format(name=asset) for asset in assets),
        *(_instrument(pair, wishes) for pair in wishes.pairs),
    ]  # fmt: skip
    for names, rest in ((wishes.traders, trader), (wishes.operators, OPERATOR), (wishes.admins, ADMIN)):
        sections += [ACCOUNT.format(name=name, hash=hashes[name], rest=rest) for name in names]
    return "".join(sections)


def _instrument(pair: Pair, wishes: Wishes) -> str:
    tick, lot = pair.steps
    return INSTRUMENT.format(
        symbol=pair.base + pair.quote, base=pair.base, quote=pair.quote, tick=tick, lot=lot,
        maker=wishes.maker_fee_ppm, taker=wishes.taker_fee_ppm, band=wishes.band_bps,
        reference=REFERENCE.format(price=pair.price) if pair.price else NO_REFERENCE,
    )  # fmt: skip


class Place(Struct, frozen=True):
    """Where a node listens for the other one."""

    node: str
    address: str
    port: int


def with_replication(text: str, own: Place, peer: Place, durability: str) -> str:
    """Return the file `text` as that of one of two nodes; what it says of that already is replaced."""
    text = set_key(text, "venue", "durability", f'"{durability}"')
    values = {
        "node": f'"{own.node}"', "address": f'"{own.address}"', "port": str(own.port),
        "peer_address": f'"{peer.address}"', "peer_port": str(peer.port),
    }  # fmt: skip
    if re.search(r"^\[replication\]", text, re.MULTILINE) is None:
        made = REPLICATION.format(
            node=own.node, address=own.address, port=own.port, peer_address=peer.address, peer_port=peer.port
        )
        first_list = re.search(r"^(#[^\n]*\n)*\n*\[\[", text, re.MULTILINE)
        at = first_list.start() if first_list else len(text)
        return f"{text[:at].rstrip()}\n{made}\n{text[at:].lstrip()}"
    for key, value in values.items():
        text = set_key(text, "replication", key, value)
    return text


def set_key(text: str, section: str, key: str, value: str) -> str:
    """Return `text` with this value of a key of `[section]`; its comment stays. The section is made where it lacks."""
    header = re.search(rf"^\[{section}\][^\n]*\n", text, re.MULTILINE)
    if header is None:
        return f"{text.rstrip()}\n\n[{section}]\n{key} = {value}\n"
    end = re.compile(r"^\[", re.MULTILINE).search(text, header.end())
    begin, stop = header.end(), end.start() if end else len(text)
    body, count = _line(key).subn(lambda _: f"{key} = {value}", text[begin:stop], count=1)
    if not count:
        body = f"{key} = {value}\n{text[begin:stop]}"
    return text[:begin] + body + text[stop:]


def text_value(text: str, section: str, key: str) -> str:
    """Return the text between quotes that `[section]` has for a key; "" where it has none."""
    found = re.search(rf"^\[{section}\][^\n]*\n((?:(?!\[).*\n)*)", text, re.MULTILINE)
    line = _line(key).search(found[1]) if found else None
    return line[1].strip('"') if line else ""


def _line(key: str) -> re.Pattern[str]:
    """Match a key with its value, and no comment."""
    return re.compile(rf'^{key}[ \t]*=[ \t]*("[^"\n]*"|[^\s#]+)', re.MULTILINE)
