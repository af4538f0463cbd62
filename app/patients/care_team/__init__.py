"""Who treats a patient: the physicians linked to them, in which part, from when until when; one of them primary."""
