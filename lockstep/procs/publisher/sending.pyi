from array import array
from collections.abc import Callable

def send_now(fd: int, data: bytes) -> int: ...
def send_to_all(
    fds: array[int], is_closing: list[Callable[[], bool]], data: bytes
) -> list[tuple[int, int]]: ...
