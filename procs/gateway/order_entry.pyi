from procs.gateway.validation import Checker
from procs.gateway.orders import Orders
from procs.gateway.reports import Reports
from procs.gateway.store import Store
from procs.gateway.order_request import Entry

class Desk:
    def __init__(
        self, store: Store, orders: Orders, reports: Reports, entry: Entry, checker: Checker, number: int
    ) -> None: ...
