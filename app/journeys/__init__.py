"""
Journeys: a patient's ways into clinical trials and expanded-access programmes; many of each for one patient.

A journey moves only as its machine allows, and every move is an event that stays: from, to, when, who, why.
"""
