"""
Preferences: in which language, zone and density an account sees its pages, with which keys, and where it begins.

What an account has not chosen is as the settings say.
"""
