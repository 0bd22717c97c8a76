"""What starts again after a death: as little as helps, and more where it happens again and again."""

from __future__ import annotations

from lockstep.config.schema import Config, InstrumentSection, ProcessesSection, VenueSection
from lockstep.core.venue.topology import Topology, derive
from lockstep.procs.supervisor.backoff import HEALTHY_S, LONGEST_DELAY_S
from lockstep.procs.supervisor.recovery import MAX_RESTARTS, Recovery, Way

INSTRUMENT = InstrumentSection(symbol="AB", base="A", quote="B", tick="0.01", lot="0.01")


def topology(**processes: object) -> Topology:
    return derive(Config(instruments=[INSTRUMENT], processes=ProcessesSection(**processes)))  # type: ignore[arg-type]


def ways(venue: Topology, names: list[str]) -> list[Way]:
    recovery = Recovery(venue)
    return [recovery.after(venue.host(name), float(i), led=True)[0] for i, name in enumerate(names)]


def test_edges_and_the_journaler_start_again_alone_and_the_core_together() -> None:
    names = ["gateway", "publisher", "batcher", "journal", "core"]
    assert ways(topology(), names) == [Way.ALONE, Way.ALONE, Way.ALONE, Way.ALONE, Way.CORE]
    assert ways(topology(profile="spread"), ["router", "matcher.1", "journaler"]) == [Way.CORE, Way.CORE, Way.ALONE]


def test_a_journaler_in_the_process_of_the_core_starts_again_with_it() -> None:
    venue = derive(Config(instruments=[INSTRUMENT], venue=VenueSection(durability="none")))
    assert venue.host_of("journaler") in venue.core
    assert ways(venue, ["core"]) == [Way.CORE]


def test_delays_double_for_each_host_on_its_own() -> None:
    venue = topology()
    recovery = Recovery(venue)
    delays = [recovery.after(venue.host("batcher"), float(i), led=True)[1] for i in range(3)]
    assert delays == [0.1, 0.2, 0.4]
    assert recovery.after(venue.host("gateway"), 3.0, led=True) == (Way.ALONE, 0.1)


def test_what_dies_too_often_takes_the_venue_with_it() -> None:
    for name, way in (("gateway", Way.ALONE), ("journal", Way.ALONE), ("core", Way.CORE)):
        assert ways(topology(), [name] * (MAX_RESTARTS + 1)) == [way] * MAX_RESTARTS + [Way.WHOLE]


def test_the_deaths_of_what_only_tells_are_its_own() -> None:
    venue = topology()
    for name in ("publisher", "batcher"):
        recovery = Recovery(venue)
        found = [recovery.after(venue.host(name), float(i), led=True) for i in range(2000)]
        assert {way for way, _ in found} == {Way.ALONE}
        assert found[-1][1] == LONGEST_DELAY_S
    shared = topology(hosts={"edges": ["publisher", "batcher", "gateway.1"]})
    assert ways(shared, ["edges"] * (MAX_RESTARTS + 1))[-1] is Way.WHOLE, "trading needs a gateway"


def test_a_healthy_minute_is_a_new_beginning() -> None:
    venue = topology()
    recovery = Recovery(venue)
    for i in range(MAX_RESTARTS):
        recovery.after(venue.host("gateway"), float(i), led=True)
    assert recovery.after(venue.host("gateway"), MAX_RESTARTS - 1 + HEALTHY_S, led=True) == (Way.ALONE, 0.1)


def test_a_core_that_dies_before_it_leads_is_not_tried_again() -> None:
    venue = topology()
    recovery = Recovery(venue)
    assert recovery.after(venue.host("core"), 0.0, led=True)[0] is Way.CORE
    assert recovery.after(venue.host("batcher"), 1.0, led=False)[0] is Way.ALONE
    assert recovery.after(venue.host("core"), 1.0, led=False)[0] is Way.WHOLE


def test_deaths_on_a_full_disk_count_for_nothing() -> None:
    venue = topology()
    recovery = Recovery(venue)
    for i in range(3 * MAX_RESTARTS):
        assert recovery.after(venue.host("batcher"), float(i), led=True, full=True)[0] is Way.ALONE
        assert recovery.after(venue.host("core"), float(i), led=False, full=True)[0] is Way.CORE
    assert recovery.after(venue.host("batcher"), 99.0, led=True) == (Way.ALONE, 0.1)
