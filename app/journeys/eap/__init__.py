"""Expanded-access programmes, the journeys to their products, and the gates on the way."""
