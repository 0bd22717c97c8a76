"""A FIX session: orders, and what a cut loses comes again, once."""

from __future__ import annotations

import pytest

from lockstep import FixClient, VenueError, run
from tests.client.relay import Relay
from tests.pipeline.conftest import RunningVenue


def client(port: int, name: str, password: str = "demo") -> FixClient:
    return FixClient(name, password, port=port, heartbeat_s=5)


def test_order_is_placed_replaced_and_cancelled(venue: RunningVenue) -> None:
    session = client(venue.fix_port, "TRADER1")
    run(session.connect(reset=True))
    first = run(session.place("BTCUSDT", "buy", "0.5", "50000.00"))
    assert run(session.report(first)).status == "0"
    second = run(session.replace(first, "BTCUSDT", "buy", "0.4", "50001.00"))
    report = run(session.report(second))
    assert (report.original_id, str(report.price), str(report.left)) == (first, "50001", "0.4")
    run(session.cancel(second, "BTCUSDT", "buy"))
    assert run(session.report()).has_ended
    bad = run(session.place("BTCUSDT", "buy", "1", "1.005"))
    refusal = run(session.report(bad))
    assert refusal.is_refusal
    assert refusal.text.startswith("PRICE_OFF_TICK")
    run(session.log_out())
    with pytest.raises(VenueError, match="NO_ANSWER"):
        run(session.report())


def test_reports_and_orders_of_a_cut_come_once(venue: RunningVenue) -> None:
    wire = Relay(venue.fix_port)
    maker, taker = client(wire.port, "TRADER2"), client(venue.fix_port, "TRADER3")
    run(maker.connect(reset=True))
    run(taker.connect(reset=True))
    rests = run(maker.place("ETHUSDT", "sell", "3", "2000.00"))
    assert run(maker.report(rests)).status == "0"
    wire.cut(for_good=True)
    run(maker.ended.wait())
    for _ in range(2):  # the venue's reports of these find no connection
        takes = run(taker.place("ETHUSDT", "buy", "1", "2000.00"))
        assert [run(taker.report(takes)).status for _ in range(2)] == ["0", "2"]
    missed = run(maker.place("ETHUSDT", "buy", "1", "1000.00"))  # has its number: the venue asks for it
    wire.mend()
    run(maker.connect())
    reports = [run(maker.report()) for _ in range(3)]
    assert sorted((each.client_order_id, each.exec_type) for each in reports) == sorted(
        [(rests, "F"), (rests, "F"), (missed, "0")]
    )
    assert len({each.exec_id for each in reports}) == 3
    run(maker.cancel(missed, "ETHUSDT", "buy"))
    assert run(maker.report()).status == "4"
    run(maker.log_out())


def test_session_goes_on_in_another_program(venue: RunningVenue) -> None:
    first = client(venue.fix_port, "TRADER4")
    run(first.connect(reset=True))
    order = run(first.place("SOLUSDT", "buy", "1", "10.00"))
    assert run(first.report(order)).status == "0"
    run(first.log_out())
    second = client(venue.fix_port, "TRADER4")
    second.next_in, second.next_out, second.sent = first.next_in, first.next_out, first.sent
    run(second.connect())
    run(second.cancel(order, "SOLUSDT", "buy"))
    assert run(second.report()).status == "4"
    run(second.log_out())


def test_wrong_password_is_refused_with_the_venues_words(venue: RunningVenue) -> None:
    with pytest.raises(VenueError, match="LOGON_REFUSED"):
        run(client(venue.fix_port, "TRADER5", "wrong").connect(reset=True))


def test_no_venue_is_no_answer() -> None:
    with pytest.raises(VenueError, match="NO_ANSWER"):
        run(client(1, "TRADER5").connect())
