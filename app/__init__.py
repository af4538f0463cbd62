"""The myTomorrows CRM. Each package says in its docstring what it owns; main.py puts them together."""
