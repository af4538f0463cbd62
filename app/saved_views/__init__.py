"""
Saved views: the settings of a list page under a name: its filters, order and columns, never its rows.

A view is its owner's, or shared with everybody who may read the list. Each account chooses which ones it pins and with
which one a list begins.

A view holds codes and ids alone; what somebody types into a search, and whom a list was asked about, is not kept.
"""
