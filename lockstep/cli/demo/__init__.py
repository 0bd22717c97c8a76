"""`lockstep demo`: a population of traders that joins a running venue from outside, so that its market lives.

What they decide is in `population`, without a socket or a clock; the rest carries it to the venue.
"""
