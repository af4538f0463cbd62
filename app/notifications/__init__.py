"""
Notifications: that something waits for an account. One stores its kind and what it is about, and no words: these are
made when it is shown, of what its owner may see at that moment.

Each account chooses for each kind whether it stands in the application and whether a mail counts it.
"""
