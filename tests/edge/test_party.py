"""Limits count IPv6 clients by their network."""

from __future__ import annotations

import asyncio

import pytest

from lockstep.core.edge.authentication import Guesses
from lockstep.core.edge.party import party_of
from lockstep.core.edge.turns import BusyError, Turns
from lockstep.procs.api.errors import DeclinedError
from lockstep.procs.api.limits import WeightLimit
from lockstep.procs.api.login.allowance import Allowance

NETWORK = [f"2001:db8:1:2:{number:x}::1" for number in range(1, 21)]
OTHER = "2001:db8:1:3::1"


@pytest.mark.parametrize(
    ("address", "party"),
    [
        ("198.51.100.66", "198.51.100.66"), ("::ffff:198.51.100.66", "198.51.100.66"), ("2001:db8::1", "2001:db8::"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"), ("fe80::1%eth0", "fe80::"), ("a:b", "a:b"), ("", ""),
    ],
)  # fmt: skip
def test_a_party_is_an_ipv4_address_or_an_ipv6_network(address: str, party: str) -> None:
    assert party_of(address) == party


def test_the_addresses_of_a_network_share_a_weight_limit() -> None:
    weights = WeightLimit(len(NETWORK))
    assert [weights.take(address, 1, 0.0) for address in NETWORK] == list(range(1, len(NETWORK) + 1))
    with pytest.raises(DeclinedError):
        weights.take("2001:db8:1:2::ffff", 1, 0.0)
    assert weights.take(OTHER, 1, 0.0) == 1


def test_the_addresses_of_a_network_share_an_allowance() -> None:
    allowance = Allowance(len(NETWORK), 1000)
    assert [allowance.take(address, 0.0) for address in NETWORK] == [0] * len(NETWORK)
    assert allowance.wait_s("2001:db8:1:2::ffff", 0.0) > 0
    assert allowance.wait_s(OTHER, 0.0) == 0
    allowance.give_back("2001:db8:1:2::ffff")
    assert allowance.wait_s(NETWORK[0], 0.0) == 0


def test_the_addresses_of_a_network_share_their_guesses() -> None:
    guesses = Guesses(lambda: 0.0)
    assert [guesses.wait_s(address, "ALICE") for address in NETWORK][-1] is None
    assert guesses.wait_s(OTHER, "ALICE") == 0.0
    guesses.right(NETWORK[3], "ALICE")
    assert guesses.wait_s(NETWORK[-1], "ALICE") is not None


def test_a_flood_of_names_forgets_no_guesses() -> None:
    guesses = Guesses(lambda: 0.0)
    while guesses.wait_s("198.51.100.1", "ALICE") is not None:
        pass
    for number in range(10_000):
        guesses.wait_s("198.51.100.1", f"N{number}")
    assert guesses.wait_s("198.51.100.1", "ALICE") is None


def test_the_addresses_of_a_network_share_their_turns() -> None:
    async def scenario() -> list[bool]:
        turns = Turns(1, 1)
        jobs = [turns.run(address, address, lambda: True) for address in (*NETWORK, OTHER)]
        outcomes = await asyncio.gather(*jobs, return_exceptions=True)
        turns.close()
        return [isinstance(each, BusyError) for each in outcomes]

    assert asyncio.run(scenario()) == [False, False, *[True] * (len(NETWORK) - 2), False]
