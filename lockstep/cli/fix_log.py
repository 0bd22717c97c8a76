"""`lockstep fix-log`: the FIX messages that gateways have received and sent, as their stores keep them.

It reads the stores' files, beside a running venue or without one, and needs nothing else. Passwords are blanked there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from msgspec import Struct

from lockstep.cli.errors import UsageError
from lockstep.cli.progress import Progress
from lockstep.cli.terminal import DEFAULT_CONFIG, EXIT_OK, ConfigPath, Json, console, fail, load, print_json
from lockstep.procs.gateway.segments import bases, stores
from lockstep.procs.gateway.store_reader import Scan, StoreCorrupt, path_of

SOH = b"\x01"
RECEIVED = {
    1: "session",
    2: "sequenced",
    3: "answered",
}  # by the kind of the store's entry, as `gateway.store_reader` has it
SENT = {4: "session", 5: "application"}
LAST = 100


class StoredMessage(Struct, frozen=True):
    """A message: `kind` says what became of one that was received (session: session layer; sequenced: it went to the
    router; answered: the gateway refused it itself, and the log never saw it). `sent` is its SendingTime."""

    gateway: str
    session: str
    direction: str
    kind: str
    msg_seq_num: int
    msg_type: str
    sent: str
    text: str


class Wanted(Struct, frozen=True):
    """What is looked for; what is empty selects nothing. Times as SendingTime has them."""

    session: bytes = b""
    client_id: bytes = b""
    msg_type: bytes = b""
    since: bytes = b""
    until: bytes = b""


def fix_log(
    config: ConfigPath = DEFAULT_CONFIG,
    *,
    session: Annotated[str, Parameter(help="Only this account's.")] = "",
    client_id: Annotated[str, Parameter(help="Only with this ClOrdID or OrigClOrdID.")] = "",
    msg_type: Annotated[str, Parameter(help="Only of this MsgType (35), such as D or 8.")] = "",
    since: Annotated[str, Parameter(help="Only sent from this time on: 2026-01-31T12:00:00Z.")] = "",
    until: Annotated[str, Parameter(help="Only sent before this time.")] = "",
    last: Annotated[int, Parameter(validator=validators.Number(gte=0), help="Only the last this many; 0: all.")] = LAST,
    json: Json = False,
) -> int:
    """Show stored FIX messages, oldest first, by session, time or client order id.

    Times are SendingTime, which in clients' messages comes from their clocks.

    Example: lockstep fix-log --session TRADER1 --client-id my-order-7

    Exit codes: 0 they are shown; 1 a store is damaged; 2 the command line or the configuration is wrong, or the
    venue has never run.
    """
    data = Path(load(config, secrets=False).venue.data)
    if not stores(data):
        raise UsageError(f"there is no message store in {data}: the venue has never run")
    wanted = Wanted(session.encode(), client_id.encode(), msg_type.encode(), _sending_time(since), _sending_time(until))
    try:
        found: Iterable[StoredMessage] = find(data, wanted)
        chosen = deque(found, last) if last else found
        if json:
            print_json(list(chosen))
            return EXIT_OK
        for each in chosen:
            arrow = ">" if each.direction == "received" else "<"
            console().print(f"{each.session} {arrow} {each.kind:<11} {each.text}", markup=False, soft_wrap=True)
    except BrokenPipeError:
        raise  # of standard output: nothing is wrong with a store
    except (StoreCorrupt, OSError) as error:
        return fail(str(error), json=json)
    return EXIT_OK


def find(data: Path, wanted: Wanted) -> Iterator[StoredMessage]:
    """The stored messages of all gateways that are wanted. StoreCorrupt, OSError."""
    for folder in stores(data):
        yield from _find(folder, wanted)


def _find(folder: Path, wanted: Wanted) -> Iterator[StoredMessage]:
    begins = bases(folder)
    if not begins:
        return
    end = begins[-1] + path_of(folder, begins[-1]).stat().st_size
    scan = Scan(folder, begins, begins[0], end)
    needle = SOH + b"11=" + wanted.client_id + SOH, SOH + b"41=" + wanted.client_id + SOH
    done = 0
    with Progress("reading", end - begins[0], "bytes") as progress:
        while (entry := scan.read()) is not None:
            kind, _, number, message = entry
            done += len(message)
            progress.show(done)
            if not message or not kind or (wanted.client_id and not (needle[0] in message or needle[1] in message)):
                continue
            found = _read(folder.name, kind, number, message, wanted)
            if found is not None:
                yield found


def _read(gateway: str, kind: int, number: int, message: bytes, wanted: Wanted) -> StoredMessage | None:
    """A message, unless it is not wanted."""
    fields = _header(message)
    is_sent = kind in SENT
    session, sent, msg_type = (
        fields.get(b"56" if is_sent else b"49", b""),
        fields.get(b"52", b""),
        fields.get(b"35", b""),
    )
    if (
        (wanted.session and session != wanted.session)
        or (wanted.msg_type and msg_type != wanted.msg_type)
        or (wanted.since and sent < wanted.since)
        or (wanted.until and sent >= wanted.until)
    ):
        return None
    return StoredMessage(
        gateway, _text(session), "sent" if is_sent else "received", (SENT if is_sent else RECEIVED).get(kind, ""),
        number, _text(msg_type), _text(sent), _text(message.rstrip(SOH).replace(SOH, b"|")),
    )  # fmt: skip


def _header(message: bytes) -> dict[bytes, bytes]:
    """The fields at a message's beginning: more than a standard header has."""
    fields: Iterable[list[bytes]] = (field.split(b"=", 1) for field in islice(message.split(SOH, 16), 16))
    return {pair[0]: pair[1] for pair in fields if len(pair) == 2}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def _sending_time(text: str) -> bytes:
    """An ISO time as SendingTime has it; b"" for none. UsageError."""
    if not text:
        return b""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise UsageError(f"{text} may be any zone's: add Z for UTC, or an offset such as +01:00")
        in_utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text} is no time, such as 2026-01-31T12:00:00Z") from None
    return f"{in_utc:%Y%m%d-%H:%M:%S}.{in_utc.microsecond // 1000:03}".encode()
