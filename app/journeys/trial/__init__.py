"""Clinical trials and the journeys into them."""
