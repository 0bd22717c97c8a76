class Aside:
    count: int
