from procs.gateway.listing import Listing

class Reports:
    def __init__(self, listing: Listing) -> None: ...
