from asyncio import Future

class UnknownOutcome(Exception): ...

class Request:
    outcome: Future[Request]
    account: int
    command: int
    cl_ord_id: bytes
    seq: int
    order_id: int
    code: int
    proposal: int
    fills: list[int]
    orders: list[int]
