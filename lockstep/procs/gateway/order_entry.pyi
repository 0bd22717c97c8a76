from lockstep.core.intake.validation import Validator
from lockstep.procs.gateway.reports import Reports
from lockstep.procs.gateway.store import Store
from lockstep.core.intake.ingress_writer import IngressWriter

class OrderEntry:
    def __init__(
        self,
        store: Store,
        reports: Reports,
        ingress: IngressWriter,
        validator: Validator,
        number: int,
    ) -> None: ...
