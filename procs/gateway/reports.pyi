from procs.gateway.listings import Listings
from procs.gateway.orders import ClientOrders

class Reports:
    def __init__(self, listings: Listings, orders: ClientOrders) -> None: ...
