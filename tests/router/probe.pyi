from collections.abc import Callable

from procs.router.router import Router
from shm.ring import Consumer

class Watched:
    drained: Callable[[], object] | None

def watch(router: Router, matchers: dict[int, Consumer]) -> Watched: ...
