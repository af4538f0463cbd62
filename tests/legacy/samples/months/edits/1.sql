-- What people do here after the first export: a name is corrected, a lead is called.
UPDATE person SET last_name = 'Correct-Here' WHERE last_name = 'Correct';
UPDATE patient_lead SET status = 'contacting' WHERE person_id IN (SELECT person_id FROM person WHERE last_name = 'Inactive');
