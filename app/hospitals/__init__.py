"""Hospitals and specializations: where physicians work and what for. Neither is personal data."""
