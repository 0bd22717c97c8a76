from bench.encode import Encoder
from procs.venue.agent import Agent
from shm.board import Board
from shm.ring import Consumer, Producer

def run(
    encoder: Encoder, ingress: Producer, router: Agent, matcher: Agent, log: Consumer, events: list[Consumer],
    board: Board, last: int,
) -> int: ...
