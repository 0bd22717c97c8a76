from procs.gateway.listing import Listing
from procs.gateway.orders import Orders

class Reports:
    def __init__(self, listing: Listing, orders: Orders) -> None: ...
