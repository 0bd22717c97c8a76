"""What a population of traders decides: the same seed and the same market data give the same orders.

Integers only: prices in ticks, quantities in lots, time in turns. No socket, no clock.
"""
