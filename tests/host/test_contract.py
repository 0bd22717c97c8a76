"""Every stage that a host may run keeps the contract of its kind; tests/pipeline/test_witness.py starts them."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import get_type_hints

import pytest

from lockstep.core.host.__main__ import _stage
from lockstep.core.venue.agent import Agent
from lockstep.core.venue.edge import Edge
from lockstep.core.venue.topology import CARRIED_ROLES, EDGE_ROLES
from lockstep.core.venue.venue import Venue
from lockstep.shm.bell import Reason

ROLES = (*CARRIED_ROLES, *EDGE_ROLES)
PROGRAMS = {"monitor"}  # processes of their own, which no host runs
ROOMS = Path(__file__).parents[2] / "lockstep" / "procs"


class Spinless(Edge):
    """The witness as it once was: it lacks `spins`."""

    rest_s = 0.01

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def attach(self, _consumers: object, _board: object) -> None: ...
    def poll(self, _now_ns: int) -> int:
        return 0

    def wants(self) -> Reason:
        return Reason(0)


def test_every_program_in_procs_is_a_role_or_known() -> None:
    assert {path.parent.name for path in ROOMS.glob("*/__main__.py")} == {*ROLES, *PROGRAMS}


@pytest.mark.parametrize("role", ROLES)
def test_stage_keeps_the_contract_of_its_kind(role: str) -> None:
    built = get_type_hints(importlib.import_module(f"lockstep.procs.{role}.__main__").build)["return"]
    assert issubclass(built, Agent if role in CARRIED_ROLES else Edge)
    assert not inspect.isabstract(built), sorted(built.__abstractmethods__)


def test_edge_that_lacks_a_part_is_refused() -> None:
    assert inspect.isabstract(Spinless)
    with pytest.raises(TypeError, match="spins"):
        Spinless()  # type: ignore[abstract]


def test_host_refuses_a_stage_without_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    witness = importlib.import_module("lockstep.procs.witness.__main__")
    monkeypatch.setattr(witness, "build", lambda _venue, _name: object())
    with pytest.raises(TypeError, match="witness: object does not keep the contract of Edge"):
        _stage(Venue.__new__(Venue), "witness", Edge)  # type: ignore[type-abstract]
