-- After the second: a wish is taken back, two suggestions are rejected, one is taken over.
UPDATE person SET do_not_contact_channels = '{}' WHERE last_name = 'Optout';
UPDATE suggested_change SET decision = 'rejected', decided_at = now() WHERE person_id IN (SELECT person_id FROM person WHERE last_name IN ('Country', 'Rejected'));
UPDATE clinical_trial_journey SET eligible = false, ineligible_reason = 'age' WHERE patient_id IN (SELECT patient_id FROM patient JOIN person USING (person_id) WHERE last_name = 'Gible');
UPDATE suggested_change SET decision = 'accepted', decided_at = now() WHERE field IN ('eligible', 'ineligible_reason') AND person_id IN (SELECT person_id FROM person WHERE last_name = 'Gible');
