class Listing:
    count: int
