from asyncio import Future
from collections.abc import Callable

class UnknownOutcome(Exception): ...

class Request:
    outcome: Future[Request]
    then: Callable[[], None] | None
    is_over: bool
    is_unknown: bool
    account: int
    command: int
    cl_ord_id: bytes
    seq: int
    order_id: int
    code: int
    proposal: int
    fills: list[int]
    orders: list[int]
