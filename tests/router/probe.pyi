from collections.abc import Callable

from lockstep.procs.router.router import Router
from lockstep.shm.ring import Consumer

class Watched:
    drained: Callable[[], object] | None

def watch(router: Router, matchers: dict[int, Consumer]) -> Watched: ...
