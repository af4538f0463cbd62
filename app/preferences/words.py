LANGUAGES = ("en", "nl", "de", "fr", "es")
DENSITIES = ("comfortable", "compact")
LANDING_PLACES = (
    *("today", "leads", "patients", "calls", "journeys", "physicians", "hospitals", "trials", "programmes"),
    *("conditions", "dashboard", "data_quality", "oversight", "administration"),
)
