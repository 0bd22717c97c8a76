from array import array

from scripts.flow.initiator import Initiator

def rest(
    session: Initiator, first_ref: int, count: int, base_price: int, quantity: int, ahead: int
) -> int: ...
def ping(session: Initiator, first_ref: int, base_price: int, quantity: int, out: array[int]) -> None: ...
