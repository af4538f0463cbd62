"""What can go wrong with a PostgreSQL of our own."""


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run; the message is a sentence that tells the user what to do."""
