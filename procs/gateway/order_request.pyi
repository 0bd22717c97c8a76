from shm.ring import Producer

class Entry:
    commands: int
    def __init__(self, ingress: Producer) -> None: ...
