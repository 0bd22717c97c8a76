ORDER_COLUMNS: tuple[str, ...]
CHANGE_COLUMNS: tuple[str, ...]
