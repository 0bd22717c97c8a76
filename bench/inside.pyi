from bench.encode import Encoder
from lockstep.core.venue.agent import Agent
from lockstep.shm.board import Board
from lockstep.shm.ring import Consumer, Producer

def run(
    encoder: Encoder, ingress: Producer, router: Agent, matcher: Agent, log: Consumer, events: list[Consumer],
    board: Board, last: int,
) -> int: ...
