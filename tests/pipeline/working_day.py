"""The commands of a working day, next to plain orders, in a real venue's journal, and their types."""

from __future__ import annotations

from pathlib import Path

import pyotp

from lockstep.client.fix.message import Field, now
from lockstep.core.journal.journal import JournalReader, segment_seqs
from lockstep.core.schema.records import CommandType
from tests.pipeline.api_client import ApiClient
from tests.pipeline.client import FixClient
from tests.pipeline.conftest import RunningVenue
from tests.pipeline.person import Person

TYPE = 4  # where a record's type stands
LONG = "x" * 30  # of two such client ids only one is in a record


def types_in(data: Path) -> set[CommandType]:
    """Return the types of all commands in the journal of a data folder."""
    reader = JournalReader(data / "journal", segment_seqs(data / "journal")[0])
    found = {CommandType(record[TYPE]) for record in reader}
    reader.close()
    return found


def add_rest(venue: RunningVenue, first: Person, second: Person, member: Person, password: str) -> None:
    """Give the commands that are rare: lists and amendments, moved money, keys, a second factor, a reset, a snapshot.

    `member` has registered, has this password, and none of these.
    """
    name = member.get("/account")["name"]
    for asset, amount in (("USDT", "1000"), ("SOL", "5")):
        first.post("/operator/deposits", account=name, asset=asset, amount=amount)
    first.post("/operator/withdrawals", account=name, asset="USDT", amount="1")
    proposal = first.post("/operator/adjustments", account=name, asset="SOL", by="1")["proposal"]
    trade(venue.client("TRADER6"))
    assert venue.api_port is not None
    name_list(ApiClient(venue.api_port, "TRADER6"))
    second.post(f"/operator/adjustments/{proposal}/approve")
    member.put("/orders/cancel-after", seconds=60)
    member.prove(password)
    member.post("/keys", scopes=["read"], addresses=["2001:db8::/32", "192.0.2.0/24"])
    setup = member.post("/auth/mfa")
    code = pyotp.TOTP(setup["secret"]).now()
    codes = member.post("/auth/mfa/confirm", setup=setup["setup"], code=code)["recovery_codes"]
    member.prove(code=codes[0])
    first.post(f"/operator/accounts/{name}/password-reset")
    assert venue.command("snapshot").returncode == 0


def trade(client: FixClient) -> None:
    """Enter an iceberg, amend and cancel it, and have a list's first order trade, which activates the second."""
    client.connect(reset=True)
    bid: list[Field] = [(55, "SOLUSDT"), (54, 1), (60, now()), (38, "0.0004"), (40, 2), (59, 1)]
    client.send("D", (11, f"a{LONG}"), (21, 1), *bid, (44, "90.00"), (111, "0.0001"))
    client.await_report(f"a{LONG}", "0")
    client.send("G", (41, f"a{LONG}"), (11, f"b{LONG}"), (21, 1), *bid, (44, "91.00"))
    client.await_report(f"b{LONG}", "5")
    client.cancel("c", f"b{LONG}", "buy", "SOLUSDT")
    client.await_report("c", "4")
    legs = [
        [(11, name), (67, place), *bid, (44, price)] for place, name, price in ((1, "d", "99.00"), (2, "e", "80.00"))
    ]
    head = [(66, "d"), (394, 3), (1385, 2), (68, 2), (73, 2)]
    client.order("f", "sell", "99.00", "0.0004", "SOLUSDT")
    client.send("E", *head, *(field for leg in legs for field in leg))
    client.await_report("d", "F")
    client.close()


def name_list(client: ApiClient) -> None:
    """Place a list of two orders under a name, and cancel it."""
    terms = {
        "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "80.00", "workingQuantity": "0.0004",
        "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "100.00",
        "pendingQuantity": "0.0004", "pendingTimeInForce": "GTC", "listClientOrderId": "named",
    }  # fmt: skip
    client.signed("POST", "orderList/oto", symbol="SOLUSDT", **terms)
    client.signed("DELETE", "orderList", symbol="SOLUSDT", listClientOrderId="named")
