"""
Demo data: synthetic, believable, the same for the same seed, made through the services as a user would make it.

Nobody in it exists. Addresses end in example.org and example.net, which belong to nobody; dates are relative to today.
"""
