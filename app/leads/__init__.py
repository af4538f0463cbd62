"""
Leads: a person who asks for help with a condition, from the first contact until converted or closed.

Converting moves nothing: calls and submissions hang on the person. A closed lead older than 30 days is not reopened;
the returning person gets a new lead, so the history of the funnel stays.
"""
