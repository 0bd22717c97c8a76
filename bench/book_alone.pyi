from bench.encode import Encoder
from lockstep.procs.matcher.book import Book

def execute(encoder: Encoder, book: Book) -> int: ...
