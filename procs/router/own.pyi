class OwnRecords:
    rules: int
