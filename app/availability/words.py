KINDS = ("holiday", "training", "other")
"""Why somebody is absent, as far as colleagues need to know. An illness is `other`: no health data of colleagues."""
