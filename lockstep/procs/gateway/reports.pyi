from lockstep.core.intake.listings import Listings
from lockstep.core.intake.orders import ClientOrders

class Reports:
    def __init__(self, listings: Listings, orders: ClientOrders) -> None: ...
