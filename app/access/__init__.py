"""
Who works here and what they may do: accounts, roles, API keys, and the request guard in front of every route.

A route without a permission does not start. A role's rights are data (policy.py), printed to docs/PERMISSIONS.md.
An API key is shown once and kept as SHA-256; a revoked key is dead at the next request, since nothing is cached.
"""
