"""The words by which a lead's status is sent and filtered, taken from the machine."""

from app.leads.states import DISQUALIFICATION_REASONS, LEAD
from app.platform.text import line, one_of

FirstStatus = one_of(word for word in LEAD.words() if word in LEAD.moves and LEAD.is_open(word) and word != "nurture")
"""A new lead may have got this far already; closing it, or putting it aside, is a move of its own."""
TargetWord = one_of(word for word in LEAD.words() if word != "converted")
"""Converting is an act of its own: `/leads/{lead_id}/convert`."""
FilterWord = one_of(LEAD.filter_words())
ReasonCode = one_of(DISQUALIFICATION_REASONS)
WebAddress = line(2000, pattern=r"^[hH][tT][tT][pP][sS]?://[^\s/?#]+[^\s]*$")
