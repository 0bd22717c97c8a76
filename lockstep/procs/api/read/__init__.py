"""Orders, fills, balances and market data for every dialect: the desk's tables, joined to PostgreSQL."""
