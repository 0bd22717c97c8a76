from procs.intake.validation import Validator
from procs.intake.orders import ClientOrders
from procs.gateway.reports import Reports
from procs.gateway.store import Store
from procs.intake.ingress_writer import IngressWriter

class OrderEntry:
    def __init__(
        self,
        store: Store,
        orders: ClientOrders,
        reports: Reports,
        ingress: IngressWriter,
        validator: Validator,
        number: int,
    ) -> None: ...
