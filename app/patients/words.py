"""The words by which a patient's status is sent and filtered, taken from the machine."""

from app.patients.states import PATIENT
from app.platform.text import one_of

StatusWord = one_of(PATIENT.words())
FilterWord = one_of(PATIENT.filter_words())
