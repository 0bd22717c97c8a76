"""What PostgreSQL has of orders, trades, candles and positions, asked by key, in pages, at one watermark each."""
