KINDS = (
    *("person", "lead", "patient", "call", "task", "note", "clinical_trial_journey", "eap_journey", "physician"),
    *("hospital", "medical_condition", "clinical_trial", "eap_program"),
)
"""What a draft is typed for."""
