from procs.intake.listings import Listings
from procs.intake.orders import ClientOrders

class Reports:
    def __init__(self, listings: Listings, orders: ClientOrders) -> None: ...
