class BadNumber(ValueError):
    fault: int

def steps(text: bytes, scale: int, step: int, most_decimals: int) -> int: ...
