from array import array

from bench.encode import Encoder
from procs.agent import Agent
from shm.ring import Consumer, Producer

class Sink(Agent):
    def __init__(self, log: Consumer) -> None: ...

class Tally:
    accepted: int
    traded: int
    cancelled: int
    replaced: int
    rejected: int
    damaged: int
    events: int
    last_code: int
    def drain(self, ring: Consumer) -> int: ...

def write(log: Producer, encoder: Encoder, commands: int) -> int: ...
def in_one_thread(encoder: Encoder, log: Producer, service: Agent, events: Consumer, last: int) -> int: ...
def to_a_process(encoder: Encoder, log: Producer, events: Consumer, tally: Tally) -> int: ...
def serve(service: Agent, log: Consumer, last: int) -> None: ...
def from_planned_times(
    encoder: Encoder, log: Producer, service: Agent, events: Consumer, period_ns: int, out: array[int]
) -> None: ...
