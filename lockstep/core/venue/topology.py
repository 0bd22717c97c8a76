"""Decides which processes a venue has, which agents live in each, and which rings join them.

It is plain immutable data derived from the configuration: it starts no process and touches no shared memory.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from lockstep.config.errors import ConfigError, Problem
from lockstep.config.schema import Config

# The producer of the operators' ring: whichever `lockstep` command holds the lock of that role, no agent of a host.
OPERATOR = "operator"
OPERATOR_INGRESS = 9  # its number in records; gateways have theirs
API_INGRESS = 10
OPERATOR_SLOTS = 64
LOG = "log"
SUPERVISOR_SLOT = 63  # its place in the board's health table, the last: no venue has so many agents
# The carried loop and the event loop can't share a process: the first would hold the second up.
CARRIED_ROLES = ("journaler", "router", "matcher")
CORE_ROLES = ("router", "matcher")  # what they make follows from the log: they restart together, from there (LOG-16)
EDGE_ROLES = ("replicator", "witness", "publisher", "batcher", "api", "gateway")
STATELESS_ROLES = (
    "journaler",
    "replicator",
    "witness",
)  # no snapshot has a part of theirs: they keep no state, or the log itself
# No order of a FIX session waits for them: so the core must not either (decisions 0023 and 0044). Nor must it
# wait for one of several gateways, whose clients are not all that there are (decision 0041).
DOWNSTREAM_ROLES = ("publisher", "batcher", "api")

Kind = Literal["carried", "edge"]


class Host(Struct, frozen=True):
    """One operating-system process and the agents that it polls, in this order. `bell` is the host's place in Bells.

    It `is_downstream` if all of its agents are: the others trade on without it, and it may be taken out of the gate.
    """

    name: str
    agents: tuple[str, ...]
    kind: Kind
    cpu: int | None
    bell: int
    is_downstream: bool


class RingSpec(Struct, frozen=True):
    """A ring: the agent (or operator) that produces into it, those that gate it, and those that only observe it."""

    name: str
    capacity: int
    producer: str
    consumers: tuple[str, ...]
    observers: tuple[str, ...] = ()

    @property
    def is_core(self) -> bool:
        """Whether it is new when the core starts again: the log, and what the core tells of it."""
        return self.name == LOG or role_of(self.producer) in CORE_ROLES

    @property
    def events_of(self) -> int | None:
        """Whose events it carries: a matcher's number, 0 for the router; None if it carries none."""
        if not self.name.startswith("events."):
            return None
        return int(self.producer.partition(".")[2] or 0)


class Topology(Struct, frozen=True):
    """Everything that venue and hosts need to find each other. Hosts are in the order in which they are started."""

    hosts: tuple[Host, ...]
    rings: tuple[RingSpec, ...]

    @property
    def agents(self) -> tuple[str, ...]:
        """All agents. An agent's place here is its slot in the board's health table."""
        return tuple(agent for host in self.hosts for agent in host.agents)

    @property
    def gateways(self) -> tuple[str, ...]:
        """The agents that keep a message store."""
        return tuple(agent for agent in self.agents if role_of(agent) == "gateway")

    @property
    def pollable_bells(self) -> tuple[int, ...]:
        """The bells of the event-loop hosts, which wait on a file descriptor and not on a futex."""
        return tuple(host.bell for host in self.hosts if host.kind == "edge")

    def host(self, name: str) -> Host:
        """The host called `name`. KeyError if there is none."""
        return {host.name: host for host in self.hosts}[name]

    def host_of(self, agent: str) -> Host:
        """The host that runs `agent`. KeyError if none does."""
        return {member: host for host in self.hosts for member in host.agents}[agent]

    @property
    def core(self) -> tuple[Host, ...]:
        """The hosts that run the router or a matcher, whatever else is in them."""
        return tuple(host for host in self.hosts if any(role_of(agent) in CORE_ROLES for agent in host.agents))

    @property
    def core_agents(self) -> tuple[str, ...]:
        """The router and the matchers."""
        return tuple(agent for agent in self.agents if role_of(agent) in CORE_ROLES)

    @property
    def savers(self) -> tuple[str, ...]:
        """The agents of which a snapshot has a part: all that hold state of their own."""
        return tuple(agent for agent in self.agents if role_of(agent) not in STATELESS_ROLES)

    def slot_of(self, agent: str) -> int:
        """The agent's place in the board's health table. ValueError if there is no such agent."""
        return self.agents.index(agent)

    def ring(self, name: str) -> RingSpec:
        """The ring called `name`. KeyError if there is none."""
        return {ring.name: ring for ring in self.rings}[name]


def derive(config: Config, *, follows: bool = False) -> Topology:
    """The topology that `config` asks for, of a primary or of a secondary, which `follows`.

    ConfigError where `processes` can't be met.
    """
    matchers = tuple(f"matcher.{number}" for number in sorted({item.matcher for item in config.instruments}))
    gateways = tuple(f"gateway.{number}" for number in config.fix.ports)
    replicators = () if config.replication.node is None else ("replicator",)
    witnesses = ("witness",) if replicators and config.witness.urls else ()
    intakes = (*gateways, "api") if config.api.port is not None else gateways
    hosts = _hosts(config, matchers, (*replicators, *witnesses, "publisher", "batcher", *intakes))
    return Topology(hosts, _rings(config, matchers, intakes, replicators, follows=follows))


def role_of(agent: str) -> str:
    """The role that `agent` is one of: matcher.2 is a matcher."""
    return agent.partition(".")[0]


def kind_of(agent: str) -> Kind:
    """Whether `agent` is polled by a carried loop or by an event loop."""
    return "carried" if role_of(agent) in CARRIED_ROLES else "edge"


def _rings(
    config: Config, matchers: tuple[str, ...], intakes: tuple[str, ...], replicators: tuple[str, ...], *, follows: bool
) -> tuple[RingSpec, ...]:
    sizes = config.rings
    sequencer, repeaters = ("replicator", ("router",)) if follows else ("router", ())
    edges = (*intakes, "publisher", "batcher")
    return (
        *(RingSpec(f"ingress.{intake}", sizes.ingress, intake, ("router",)) for intake in intakes),
        RingSpec(f"ingress.{OPERATOR}", OPERATOR_SLOTS, OPERATOR, ("router",)),
        RingSpec(LOG, sizes.log, sequencer, (*repeaters, *matchers, "journaler"), replicators),
        RingSpec("events.router", sizes.events, "router", edges),
        *(RingSpec(f"events.{matcher}", sizes.events, matcher, ("router", *edges)) for matcher in matchers),
    )


def _hosts(config: Config, matchers: tuple[str, ...], edges: tuple[str, ...]) -> tuple[Host, ...]:
    agents = ("journaler", "router", *matchers, *edges)
    groups = _override(_profile(config, matchers, edges), config.processes.hosts, agents)
    _check_cpus(config, groups)
    # Whoever others wait for is started first: journal, core, then the edges, and gateways last of all.
    order = (*CARRIED_ROLES, *EDGE_ROLES)
    downstream = DOWNSTREAM_ROLES if config.fix.gateways == 1 else (*DOWNSTREAM_ROLES, "gateway")
    names = sorted(groups, key=lambda name: max(order.index(role_of(agent)) for agent in groups[name]))
    return tuple(
        Host(
            name,
            groups[name],
            kind_of(groups[name][0]),
            config.processes.cpus.get(name),
            bell,
            all(role_of(agent) in downstream for agent in groups[name]),
        )
        for bell, name in enumerate(names)
    )


def _profile(config: Config, matchers: tuple[str, ...], edges: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if config.processes.profile == "spread":
        return {agent: (agent,) for agent in ("journaler", "router", *matchers, *edges)}
    # A commit that is only written costs less than waking a process to do it; one that is synced would stop the core.
    core: dict[str, tuple[str, ...]] = (
        {"core": ("router", *matchers, "journaler")}
        if config.venue.durability == "none"
        else {"journal": ("journaler",), "core": ("router", *matchers)}
    )
    one_each = config.fix.gateways > 1
    return core | {agent if one_each and role_of(agent) == "gateway" else role_of(agent): (agent,) for agent in edges}


def _override(
    groups: dict[str, tuple[str, ...]], wanted: dict[str, list[str]], agents: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """The profile's groups with the hosts that the configuration lists put in their place."""
    taken: dict[str, str] = {}
    chosen: dict[str, tuple[str, ...]] = {}
    problems = []
    for name, patterns in wanted.items():
        members = _expand(patterns, agents)
        unknown = [pattern for pattern in patterns if not _expand([pattern], agents)]
        twice = [agent for agent in members if agent in taken]
        key = f"processes.hosts.{name}"
        if unknown:
            allowed = ", ".join((*agents, "matcher.*"))
            problems.append(Problem(key, f"there is no agent {', '.join(unknown)}; allowed are {allowed}"))
        elif not members:
            problems.append(Problem(key, "a host runs at least one agent"))
        elif twice:
            problems.append(Problem(key, f"{twice[0]} is in host {taken[twice[0]]} already: an agent has one host"))
        elif len({kind_of(agent) for agent in members}) > 1:
            carried, edge = ", ".join(CARRIED_ROLES), ", ".join(EDGE_ROLES)
            problems.append(Problem(key, f"a host runs either {carried} agents or {edge} agents, not both kinds"))
        taken |= dict.fromkeys(members, name)
        chosen[name] = members
    if problems:
        raise ConfigError(problems)
    rest = {name: tuple(agent for agent in members if agent not in taken) for name, members in groups.items()}
    clash = [name for name, members in rest.items() if members and name in chosen]
    if clash:
        raise ConfigError(
            [Problem(f"processes.hosts.{n}", f"this host of the profile also runs {', '.join(rest[n])}: "
                     "list them here too, or name another host for them") for n in clash]
        )  # fmt: skip
    return {name: members for name, members in rest.items() if members} | chosen


def _expand(patterns: list[str], agents: tuple[str, ...]) -> tuple[str, ...]:
    matches = (
        agent
        for pattern in patterns
        for agent in agents
        if agent == pattern or (pattern.endswith(".*") and agent.startswith(pattern[:-1]))
    )
    return tuple(dict.fromkeys(matches))


def _check_cpus(config: Config, groups: dict[str, tuple[str, ...]]) -> None:
    unknown = [name for name in config.processes.cpus if name not in groups]
    if unknown:
        allowed = ", ".join(groups)
        raise ConfigError(
            [Problem(f"processes.cpus.{n}", f"there is no such host; allowed are {allowed}") for n in unknown]
        )
