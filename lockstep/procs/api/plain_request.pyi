MAX_BODY_BYTES: int

class PlainRequest:
    method: str
    path: str
    query: bytes
    body: bytes
    headers: dict[bytes, bytes]

def plain_request(data: bytes) -> PlainRequest | None: ...
