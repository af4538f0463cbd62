"""
Events: how leads, patients and journeys move from state to state, and the row that stays of every move.

One machinery for all of them: `moves.py` decides, `service.py` asks the move conditions and files the event. The
packages that own the records say in a `Moves` what is their own.
"""
