from lockstep.shm.ring import Producer

class IngressWriter:
    commands: int
    def __init__(self, ingress: Producer) -> None: ...
