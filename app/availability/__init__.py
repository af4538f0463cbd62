"""
Availability: when a colleague works, by weekday on the clock of their zone, and when they are absent.

It warns who books a call and refuses nothing. Of whom nothing is said nothing is warned of.
"""
