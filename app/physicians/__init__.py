"""Physicians: a person's professional side. One physician for one person; names and contacts stay on the person."""
