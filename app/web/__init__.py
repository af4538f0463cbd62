"""
The pages: templates, static files, and the screens that fill them.

A screen prepares context and calls one service; words, dates and labels live in filters and macros. Every page works
without JavaScript where that is possible, and none needs the internet.
"""
