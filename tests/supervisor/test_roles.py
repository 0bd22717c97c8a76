"""Whether a node may lead after what the other one answers (LOG-21)."""

from __future__ import annotations

import pytest

from procs.replicator.asking import Answer
from procs.replicator.handshake import Hello, Refusal
from procs.supervisor.roles import objection_to

OWN = Hello("demo", "a", b"j" * 16, 4, 100, 1, 1)


@pytest.mark.parametrize("refusal", [None, Refusal.AHEAD, Refusal.DIVERGED, Refusal.SEGMENTS_GONE])
def test_it_does_not_lead_where_the_other_one_does(refusal: Refusal | None) -> None:
    said = objection_to(OWN, Answer(True, 5, 0, "", refusal), "b:9900")
    assert said == "the other node (b:9900) leads: lockstep rejoin makes this one its secondary"


@pytest.mark.parametrize(("epoch", "last_seq"), [(4, 90), (4, 100), (4, 170), (3, 400)])
def test_it_leads_where_the_other_one_follows_no_later_epoch(epoch: int, last_seq: int) -> None:
    """A longer log of its own epoch is taken first."""
    assert objection_to(OWN, Answer(False, epoch, last_seq, "", Refusal.NOT_LEADING), "b:9900") == ""


def test_a_later_epoch_is_another_history() -> None:
    said = objection_to(OWN, Answer(False, 5, 120, "", Refusal.NOT_LEADING), "b:9900")
    assert "up to 120 of epoch 5, and this one up to 100 of epoch 4: lockstep failover there" in said


@pytest.mark.parametrize("refusal", [Refusal.OTHER_VOIDS, Refusal.WRONG_JOURNAL, Refusal.OLD_EPOCH])
def test_what_the_other_one_refuses_is_told_in_its_words(refusal: Refusal) -> None:
    """It says nothing of who leads: to rejoin could demote the right node."""
    said = objection_to(OWN, Answer(True, 4, 0, "said by the peer: void.json differs", refusal), "b:9900")
    assert said == "the other node (b:9900) refuses this one: said by the peer: void.json differs"
