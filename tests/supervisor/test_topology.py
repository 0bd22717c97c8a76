"""Which processes and rings a venue has follows from its configuration alone."""

from __future__ import annotations

import msgspec
import pytest

from lockstep.config import Config, ConfigError
from lockstep.config.schema import FixSection, InstrumentSection, ProcessesSection, VenueSection
from lockstep.core.venue.topology import Topology, derive


def venue(**processes: object) -> Config:
    instruments = [
        InstrumentSection(symbol=f"S{number}", base="B", quote="Q", tick="1", lot="1", matcher=number)
        for number in (1, 2)
    ]
    return Config(instruments=instruments, processes=msgspec.convert(processes, ProcessesSection))


def hosts(topology: Topology) -> dict[str, tuple[str, ...]]:
    return {host.name: host.agents for host in topology.hosts}


def refusal(**processes: object) -> str:
    with pytest.raises(ConfigError) as caught:
        derive(venue(**processes))
    return str(caught.value)


def test_a_journal_that_is_not_synced_is_written_by_the_core() -> None:
    unsynced = derive(msgspec.structs.replace(venue(), venue=VenueSection(durability="none")))
    assert hosts(unsynced)["core"] == ("router", "matcher.1", "matcher.2", "journaler")
    assert "journal" not in hosts(unsynced)


def test_compact_has_five_processes() -> None:
    assert hosts(derive(venue())) == {
        "journal": ("journaler",),
        "core": ("router", "matcher.1", "matcher.2"),
        "publisher": ("publisher",),
        "batcher": ("batcher",),
        "gateway": ("gateway.1",),
    }


def test_spread_has_one_process_an_agent() -> None:
    topology = derive(venue(profile="spread"))
    assert hosts(topology) == {agent: (agent,) for agent in topology.agents}
    assert len(topology.agents) == 7


def test_gateways_start_last_and_the_journal_first() -> None:
    for profile in ("compact", "spread"):
        agents = derive(venue(profile=profile)).agents
        assert (agents[0], agents[-1]) == ("journaler", "gateway.1")


def test_rings_join_who_must_hear_of_what() -> None:
    rings = {ring.name: (ring.producer, ring.consumers) for ring in derive(venue()).rings}
    edges = ("gateway.1", "publisher", "batcher")
    assert rings == {
        "ingress.gateway.1": ("gateway.1", ("router",)),
        "ingress.operator": ("operator", ("router",)),
        "log": ("router", ("matcher.1", "matcher.2", "journaler")),
        "events.router": ("router", edges),
        "events.matcher.1": ("matcher.1", ("router", *edges)),
        "events.matcher.2": ("matcher.2", ("router", *edges)),
    }


@pytest.mark.parametrize("profile", ["compact", "spread"])
def test_each_of_several_gateways_has_a_process_and_a_ring_and_trading_waits_for_none(profile: str) -> None:
    topology = derive(msgspec.structs.replace(venue(profile=profile), fix=FixSection(gateways=3)))
    gateways = ("gateway.1", "gateway.2", "gateway.3")
    assert topology.gateways == gateways
    assert topology.agents[-3:] == gateways  # they are started last
    for name in gateways:
        assert topology.host(name).agents == (name,)
        assert topology.host(name).is_downstream
        assert topology.ring(f"ingress.{name}").producer == name
        assert name in topology.ring("events.matcher.2").consumers
    assert not topology.host_of("router").is_downstream
    assert not derive(venue(profile=profile)).host_of("gateway.1").is_downstream


def test_hosts_of_ones_own_take_agents_out_of_the_profile() -> None:
    topology = derive(venue(hosts={"core": ["router", "matcher.*", "journaler"]}, cpus={"core": 1}))
    assert hosts(topology)["core"] == ("router", "matcher.1", "matcher.2", "journaler")
    assert "journal" not in hosts(topology)
    assert topology.host("core").cpu == 1
    assert topology.host_of("journaler").name == "core"


def test_event_loops_wait_on_pollable_bells() -> None:
    topology = derive(venue())
    assert topology.pollable_bells == tuple(topology.host(name).bell for name in ("publisher", "batcher", "gateway"))
    assert len({host.bell for host in topology.hosts}) == len(topology.hosts)


def test_every_agent_has_a_slot_of_its_own() -> None:
    topology = derive(venue())
    assert sorted(topology.slot_of(agent) for agent in topology.agents) == list(range(7))


def test_it_survives_the_manifest() -> None:
    topology = derive(venue())
    assert msgspec.json.decode(msgspec.json.encode(topology), type=Topology) == topology


def test_carried_and_edge_agents_share_no_process() -> None:
    assert refusal(hosts={"all": ["router", "gateway.1"]}) == (
        "processes.hosts.all: a host runs either journaler, router, matcher agents or replicator, witness, publisher, "
        "batcher, api, gateway agents, not both kinds"
    )


def test_unknown_double_and_missing_agents_are_named() -> None:
    assert "there is no agent matcher.3" in refusal(hosts={"x": ["matcher.3"]})
    assert "router is in host a already" in refusal(hosts={"a": ["router"], "b": ["router"]})
    assert "also runs matcher.1, matcher.2" in refusal(hosts={"core": ["router"]})
    assert "at least one agent" in refusal(hosts={"x": []})
    assert "processes.cpus.corr: there is no such host; allowed are journal, core" in refusal(cpus={"corr": 0})
