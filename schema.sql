CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TYPE procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);

CREATE TYPE procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);

CREATE TYPE procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);

CREATE FUNCTION add_search_marks_of_patient() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        UPDATE person_search AS s SET marks = search_marks(s.person_id)
        FROM touched AS t
        WHERE s.person_id = t.person_id
            AND NOT s.marks @> search_marks_of_patient(t.status, t.medical_condition_id, t.owner_id);
        RETURN NULL;
    END
    $$;

CREATE FUNCTION build_index(target text, index_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        part record;
    BEGIN
        DELETE FROM index_set_aside AS s WHERE s.table_name = target AND s.name = index_name RETURNING * INTO STRICT part;
        IF part.is_constraint THEN
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I %s', target, index_name, part.definition);
        ELSE
            EXECUTE part.definition;
        END IF;
    END
    $$;

CREATE FUNCTION close_audit_partitions() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET maintenance_work_mem TO '256MB'
    SET search_path TO 'public', 'pg_temp'
    AS $_$
    DECLARE
        month record;
        closed integer := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('close_audit_partitions'));
        FOR month IN
            SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'audit_event'::regclass AND c.relname ~ '^audit_event_\d{4}_\d\d$'
              AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month 1 day' <= now() AT TIME ZONE 'UTC'
              AND to_regclass(c.relname || '_action') IS NULL
            ORDER BY c.relname
        LOOP
            EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I USING gin (person_ids)', month.name || '_person_ids', month.name);
            EXECUTE format(
                'CREATE INDEX %I ON %I (action, audit_event_id DESC)', month.name || '_action', month.name);
            closed := closed + 1;
        END LOOP;
        RETURN closed;
    END
    $_$;

CREATE FUNCTION ensure_audit_partitions(months_ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        first_day timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
        partition_name text;
        made integer := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('ensure_audit_partitions'));
        FOR month IN 0 .. least(months_ahead, 24) LOOP
            partition_name := format('audit_event_%s', to_char(first_day + make_interval(months => month), 'YYYY_MM'));
            IF to_regclass(partition_name) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)',
                    partition_name,
                    (first_day + make_interval(months => month)) AT TIME ZONE 'UTC',
                    (first_day + make_interval(months => month + 1)) AT TIME ZONE 'UTC');
                EXECUTE format(
                    'CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition_name);
                EXECUTE format(
                    'CREATE INDEX %I ON %I USING gin (person_ids) '
                    'WITH (fastupdate = on, gin_pending_list_limit = 256)',
                    partition_name || '_person_ids', partition_name);
                made := made + 1;
            END IF;
        END LOOP;
        RETURN made;
    END
    $$;

CREATE FUNCTION is_contact(status text, outcome text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    AS $$
        SELECT status = 'completed'
            AND (outcome IS NULL OR lower(outcome) NOT IN ('voicemail', 'wrong_number', 'no_answer'))
    $$;

CREATE FUNCTION is_unknown_person(a_email_key text, a_phone text, alike_keys text[], alike_birth_dates date[]) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        alike_key text;
    BEGIN
        -- The locks of people/locks.py, only tried: whoever would have to wait takes the ordinary path.
        IF NOT pg_try_advisory_xact_lock(hashtextextended('email ' || a_email_key, 0)) THEN
            RETURN false;
        END IF;
        IF a_phone IS NOT NULL AND NOT pg_try_advisory_xact_lock(hashtextextended('phone ' || a_phone, 0)) THEN
            RETURN false;
        END IF;
        FOREACH alike_key IN ARRAY alike_keys LOOP
            IF NOT pg_try_advisory_xact_lock(
                hashtextextended(concat('name ', alike_key, ' ', extract(year FROM alike_birth_dates[1])), 0)
            ) THEN
                RETURN false;
            END IF;
        END LOOP;
        -- Of an "or" over two columns no index range is made. Whether they are alike is for the ordinary path to say.
        RETURN NOT EXISTS (SELECT FROM person WHERE email_key = a_email_key)
            AND NOT EXISTS (
                SELECT FROM contact_point
                WHERE value_key = a_email_key AND kind = 'email' AND (was IS NULL OR was = 'former'))
            AND NOT EXISTS (SELECT FROM person WHERE phone_e164 = a_phone)
            AND NOT EXISTS (
                SELECT FROM contact_point
                WHERE value_key = a_phone AND kind = 'phone' AND (was IS NULL OR was = 'former'))
            AND NOT EXISTS (
                SELECT FROM person WHERE family_key = ANY (alike_keys) AND date_of_birth = ANY (alike_birth_dates))
            AND NOT EXISTS (
                SELECT FROM person WHERE given_key = ANY (alike_keys) AND date_of_birth = ANY (alike_birth_dates));
    END
    $$;

CREATE FUNCTION keep_history() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        earlier jsonb := to_jsonb(OLD);
        key_column text := TG_ARGV[0];
        keys text[] := ARRAY['family_key', 'given_key', 'name_key', 'city_key', 'number_scope',
                             'eap_number_key', 'licence_key', 'is_double'];
    BEGIN
        -- Anybody may set the setting; it counts inside the owner's functions.
        IF current_setting('crm.restores', true) = 'on'
            AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
        THEN
            RETURN NEW;
        END IF;
        -- Anybody may set the setting: what is no key has its version all the same, and a reference is given once.
        IF current_setting('crm.fills_keys', true) = 'on' THEN
            IF earlier ->> 'reference' IS NULL THEN
                keys := keys || 'reference'::text;
            END IF;
            IF earlier - keys = to_jsonb(NEW) - keys THEN
                RETURN NEW;
            END IF;
        END IF;
        FOR place IN 1 .. TG_NARGS - 1 LOOP
            earlier := earlier - TG_ARGV[place];
        END LOOP;
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
        INSERT INTO row_history (table_name, record_id, version, "row", replaced_by, reason)
        VALUES (TG_TABLE_NAME, (earlier ->> key_column)::uuid, OLD.version, earlier, NEW.updated_by,
                nullif(current_setting('crm.reason', true), ''));
        RETURN NEW;
    END
    $$;

CREATE FUNCTION keep_legacy_rows_worked_on(kept_run integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
    DECLARE
        target record;
        found bigint;
        grown bigint;
        total bigint := 0;
    BEGIN
        LOOP
            -- A row that a kept one points to is now one that a row of nobody's run points to, so the next turn finds it.
            UPDATE migrated_row AS m SET run_id = -kept_run FROM legacy_rows_worked_on(kept_run, 1) AS w
            WHERE m.run_id = kept_run AND m.table_name = w.record_type AND m.record_id = w.record_id::uuid;
            GET DIAGNOSTICS grown = ROW_COUNT;
            FOR target IN
                SELECT t.name, t.key, CASE WHEN p.attname IS NULL THEN 'patient_id' ELSE 'person_id' END AS owner
                FROM legacy_targets() AS t
                LEFT JOIN pg_attribute AS p ON p.attrelid = t.name::regclass AND p.attname = 'person_id'
                LEFT JOIN pg_attribute AS a ON a.attrelid = t.name::regclass AND a.attname = 'patient_id'
                WHERE t.name NOT IN ('person', 'duplicate_candidate') AND num_nonnulls(p.attname, a.attname) > 0
            LOOP
                EXECUTE format(
                    'UPDATE migrated_row AS m SET run_id = -$1 FROM %I AS t JOIN migrated_row AS o '
                    'ON o.run_id = -$1 AND o.table_name = %L AND o.record_id = t.%I '
                    'WHERE m.run_id = $1 AND m.table_name = %L AND m.record_id = t.%I',
                    target.name, replace(target.owner, '_id', ''), target.owner, target.name, target.key) USING kept_run;
                GET DIAGNOSTICS found = ROW_COUNT;
                grown := grown + found;
            END LOOP;
            EXIT WHEN grown = 0;
            total := total + grown;
        END LOOP;
        -- A pair is nothing without its two persons.
        UPDATE migrated_row AS m SET run_id = -kept_run FROM duplicate_candidate AS d
        WHERE m.run_id = kept_run AND m.table_name = 'duplicate_candidate' AND m.record_id = d.duplicate_candidate_id
            AND NOT EXISTS (SELECT FROM migrated_row AS o WHERE o.run_id = kept_run AND o.table_name = 'person'
                            AND o.record_id IN (d.person_id, d.other_person_id));
        GET DIAGNOSTICS found = ROW_COUNT;
        INSERT INTO audit_event (action, record_type, outcome, purpose)
        VALUES ('keep_legacy_rows', 'legacy_run', 'done', format('%s rows of run %s', total + found, kept_run));
        RETURN total + found;
    END
    $_$;

CREATE FUNCTION keep_patient_order() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        ids uuid[];
    BEGIN
        CASE TG_TABLE_NAME
            WHEN 'person' THEN
                SELECT array_agg(p.patient_id) INTO ids FROM patient AS p WHERE p.person_id = NEW.person_id;
            WHEN 'user_account' THEN
                SELECT array_agg(p.patient_id) INTO ids FROM patient AS p
                WHERE p.owner_id = NEW.user_account_id AND p.deleted_at IS NULL;
            WHEN 'call_history' THEN
                SELECT array_agg(p.patient_id) INTO ids FROM patient AS p
                WHERE p.person_id IN (SELECT t.person_id FROM touched AS t);
            ELSE
                SELECT array_agg(DISTINCT t.patient_id) INTO ids FROM touched AS t;
        END CASE;
        IF TG_OP = 'DELETE' THEN
            -- A patient without a place is going too.
            SELECT array_agg(o.patient_id) INTO ids FROM patient_order AS o WHERE o.patient_id = ANY (ids);
        END IF;
        IF ids IS NOT NULL THEN
            PERFORM order_patients(ids);
        END IF;
        RETURN NULL;
    END
    $$;

CREATE FUNCTION keep_removed() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        INSERT INTO row_history (table_name, record_id, version, "row", replaced_by, reason)
        VALUES (TG_TABLE_NAME, (to_jsonb(OLD) ->> TG_ARGV[0])::uuid, OLD.version, to_jsonb(OLD),
                nullif(current_setting('crm.actor', true), '')::uuid,
                nullif(current_setting('crm.reason', true), ''));
        RETURN OLD;
    END
    $$;

CREATE FUNCTION keep_search_marks() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        UPDATE person_search AS s SET marks = m.marks
        FROM (SELECT person_id, search_marks(person_id) AS marks FROM (SELECT DISTINCT person_id FROM touched) AS t) AS m
        WHERE s.person_id = m.person_id AND s.marks IS DISTINCT FROM m.marks;
        RETURN NULL;
    END
    $$;

CREATE FUNCTION keep_search_of_person() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        UPDATE person_search SET is_active = NEW.is_active, date_of_birth = NEW.date_of_birth,
            marks = CASE WHEN (OLD.country, OLD.email_key) IS DISTINCT FROM (NEW.country, NEW.email_key)
                    THEN search_marks(NEW.person_id) ELSE marks END,
            folding = CASE WHEN (OLD.first_name, OLD.last_name, OLD.middle_name, OLD.preferred_name)
                           IS DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.middle_name, NEW.preferred_name)
                      THEN 0 ELSE folding END
        WHERE person_id = NEW.person_id;
        RETURN NULL;
    END
    $$;

CREATE FUNCTION legacy_rows_worked_on(undone_run integer, first_phase integer) RETURNS TABLE(record_type text, record_id text, why text)
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $_$
    DECLARE
        target record;
        referring record;
    BEGIN
        FOR target IN SELECT * FROM legacy_targets() LOOP
            IF EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = target.name::regclass AND attname = 'version' AND attnum > 0
            ) THEN
                RETURN QUERY EXECUTE format(
                    'SELECT %L, t.%I::text, ''was edited'' FROM %I AS t WHERE t.version > 1 AND t.%I IN ('
                    'SELECT record_id FROM migrated_row WHERE run_id = $1 AND phase >= $2 AND table_name = %L) ORDER BY 2',
                    target.name, target.key, target.name, target.key, target.name) USING undone_run, first_phase;
            END IF;
            FOR referring IN
                SELECT r.relname::text AS name, a.attname AS "column", t.key
                FROM pg_constraint AS c
                JOIN pg_class AS r ON r.oid = c.conrelid
                JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
                JOIN pg_attribute AS k ON k.attrelid = c.confrelid AND k.attnum = c.confkey[1]
                LEFT JOIN legacy_targets() AS t ON t.name = r.relname
                WHERE c.contype = 'f' AND c.confdeltype <> 'c' AND c.confrelid = target.name::regclass AND c.conparentid = 0
                    AND k.attname = target.key AND r.relnamespace = 'public'::regnamespace
            LOOP
                RETURN QUERY EXECUTE format(
                    'SELECT DISTINCT %L, x.%I::text, %L FROM %I AS x JOIN migrated_row AS w ON w.record_id = x.%I '
                    'WHERE w.run_id = $1 AND w.phase >= $2 AND w.table_name = %L',
                    target.name, referring.column, 'has a row in ' || referring.name, referring.name, referring.column,
                    target.name)
                    -- A row that the run wrote itself goes with it.
                    || CASE WHEN referring.key IS NULL THEN '' ELSE format(
                        ' AND NOT EXISTS (SELECT FROM migrated_row AS o WHERE o.run_id = $1 AND o.table_name = %L '
                        'AND o.record_id = x.%I)', referring.name, referring.key) END
                    || ' ORDER BY 2' USING undone_run, first_phase;
            END LOOP;
        END LOOP;
    END
    $_$;

CREATE FUNCTION legacy_targets() RETURNS TABLE(name text, key text, lock_order integer)
    LANGUAGE sql IMMUTABLE
    AS $$
        VALUES
            ('eap_journey', 'eap_journey_id', 5),
            ('clinical_trial_journey', 'ct_journey_id', 6),
            ('clinical_trial', 'clinical_trial_id', 13),
            ('call_history', 'call_id', 11),
            ('patient_physician_relationship', 'patient_physician_id', 12),
            ('suggested_change', 'suggested_change_id', 10),
            ('duplicate_candidate', 'duplicate_candidate_id', 9),
            ('patient_lead', 'lead_id', 2),
            ('patient', 'patient_id', 3),
            ('physician', 'physician_id', 4),
            ('hospital', 'hospital_id', 14),
            ('specialization', 'specialization_id', 15),
            ('person_contact_type', 'person_contact_type_id', 8),
            ('contact_point', 'contact_point_id', 7),
            ('person', 'person_id', 1),
            ('medical_condition', 'medical_condition_id', 16),
            ('contact_type', 'contact_type_id', 17)
    $$;

CREATE FUNCTION near_keys(word text, letters_for_two integer) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
    DECLARE
        beginning text := left(word, 7);
        letters integer := char_length(beginning);
        shorter text;
        keys text[] := ARRAY[beginning];
    BEGIN
        FOR i IN 1 .. letters LOOP
            shorter := left(beginning, i - 1) || substr(beginning, i + 1);
            keys := keys || shorter;
            IF char_length(word) >= letters_for_two THEN
                FOR j IN i .. letters - 1 LOOP
                    keys := keys || (left(shorter, j - 1) || substr(shorter, j + 1));
                END LOOP;
            END IF;
        END LOOP;
        RETURN keys;
    END
    $$;

CREATE FUNCTION new_reference(kind text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DECLARE
        alphabet constant text := '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
        random_bytes bytea;
        made text;
        number integer;
        total integer;
    BEGIN
        LOOP
            random_bytes := uuid_send(gen_random_uuid());
            made := kind || '-';
            total := 0;
            -- The 7th and the 9th byte hold the version of the uuid.
            FOREACH number IN ARRAY ARRAY[0, 1, 2, 3, 4, 5, 15] LOOP
                number := get_byte(random_bytes, number) & 31;
                made := made || substr(alphabet, number + 1, 1);
                total := (total # number) << 1;
                IF total > 31 THEN
                    total := total # 37;
                END IF;
            END LOOP;
            made := made || substr(alphabet, total + 1, 1);
            IF kind = 'P' THEN
                EXIT WHEN NOT EXISTS (SELECT FROM person WHERE reference = made);
            ELSE
                EXIT WHEN NOT EXISTS (SELECT FROM patient_lead WHERE reference = made);
            END IF;
        END LOOP;
        RETURN made;
    END
    $$;

CREATE FUNCTION note_migrated() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
    DECLARE
        run text := current_setting('crm.run');
    BEGIN
        -- Anybody may set the setting; it counts for those who may undo a run.
        IF NOT has_function_privilege(session_user, 'undo_legacy_run(integer, integer)', 'EXECUTE') THEN
            RAISE EXCEPTION '% is no run of a migration', run USING ERRCODE = 'insufficient_privilege';
        END IF;
        EXECUTE format(
            'INSERT INTO migrated_row (run_id, phase, table_name, record_id) SELECT $1, $2, %L, %I FROM made',
            TG_TABLE_NAME, TG_ARGV[0]) USING split_part(run, ' ', 1)::integer, split_part(run, ' ', 2)::integer;
        RETURN NULL;
    END
    $_$;

CREATE FUNCTION order_patients(ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        -- Anyone who changes the same patient at once waits here; the next statement sees what they have committed.
        PERFORM FROM patient_order WHERE patient_id = ANY (ids) ORDER BY patient_id FOR NO KEY UPDATE;
        DELETE FROM patient_order AS o USING patient AS p
        WHERE o.patient_id = ANY (ids) AND p.patient_id = o.patient_id AND p.deleted_at IS NOT NULL;
        INSERT INTO patient_order AS o (
            patient_id, created_at, owner_id, status, name, owner, last_contact_at, next_call_at,
            clinical_trial_stage, eap_stage
        )
        SELECT p.patient_id, p.created_at, p.owner_id, p.status,
               lower(concat_ws(' ', n.last_name, n.first_name)), lower(coalesce(a.display_name, '')),
               coalesce((
                   SELECT c.occurs_at FROM call_history AS c
                   WHERE c.person_id = p.person_id AND c.voided_at IS NULL AND is_contact(c.status, c.outcome)
                   ORDER BY c.occurs_at DESC, c.call_id DESC LIMIT 1
               ), '1900-01-01 00:00:00+00'),
               coalesce((
                   SELECT c.occurs_at FROM call_history AS c
                   WHERE c.person_id = p.person_id AND c.voided_at IS NULL AND c.status IN ('scheduled', 'confirmed')
                     AND c.occurs_at >= clock_timestamp()
                   ORDER BY c.occurs_at, c.call_id LIMIT 1
               ), '9999-12-31 00:00:00+00'),
               (
                   SELECT j.status FROM clinical_trial_journey AS j
                   WHERE j.patient_id = p.patient_id AND j.status NOT IN ('not_pursued', 'pre_screen_failed', 'declined_by_patient', 'referral_withdrawn', 'site_rejected', 'screen_failed', 'withdrew_consent', 'completed', 'discontinued', 'lost_to_follow_up', 'trial_closed', 'deceased', 'entered_in_error')
                   ORDER BY j.created_at DESC, j.ct_journey_id DESC LIMIT 1
               ),
               (
                   SELECT j.status FROM eap_journey AS j
                   WHERE j.patient_id = p.patient_id AND j.status NOT IN ('closed', 'not_pursued', 'not_eligible', 'redirect_to_trial', 'refused', 'sponsor_declined', 'withdrawn', 'deceased', 'programme_closed', 'transitioned_to_commercial')
                   ORDER BY j.created_at DESC, j.eap_journey_id DESC LIMIT 1
               )
        FROM patient AS p
        JOIN person AS n ON n.person_id = p.person_id
        LEFT JOIN user_account AS a ON a.user_account_id = p.owner_id
        WHERE p.patient_id = ANY (ids) AND p.deleted_at IS NULL
        ORDER BY p.patient_id
        ON CONFLICT (patient_id) DO UPDATE SET (
            created_at, owner_id, status, name, owner, last_contact_at, next_call_at, clinical_trial_stage, eap_stage
        ) = ROW (
            excluded.created_at, excluded.owner_id, excluded.status, excluded.name, excluded.owner,
            excluded.last_contact_at, excluded.next_call_at, excluded.clinical_trial_stage, excluded.eap_stage
        ) WHERE o.* IS DISTINCT FROM excluded.*;
    END
    $$;

CREATE FUNCTION place_logged_call() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        IF (SELECT count(*) FROM (SELECT FROM touched LIMIT 2) AS t) > 1 THEN
            PERFORM order_patients(array_agg(p.patient_id)) FROM patient AS p
            WHERE p.person_id IN (SELECT t.person_id FROM touched AS t);
            RETURN NULL;
        END IF;
        UPDATE patient_order AS o SET
            last_contact_at = greatest(o.last_contact_at, n.last_contact_at),
            next_call_at = least(o.next_call_at, n.next_call_at)
        FROM (
            SELECT p.patient_id,
                   CASE WHEN is_contact(t.status, t.outcome) THEN t.occurs_at END AS last_contact_at,
                   CASE WHEN t.status IN ('scheduled', 'confirmed') AND t.occurs_at >= clock_timestamp()
                        THEN t.occurs_at END AS next_call_at
            FROM touched AS t JOIN patient AS p ON p.person_id = t.person_id
            WHERE t.voided_at IS NULL
        ) AS n
        WHERE o.patient_id = n.patient_id AND (n.last_contact_at IS NOT NULL OR n.next_call_at IS NOT NULL);
        RETURN NULL;
    END
    $$;

CREATE FUNCTION place_new_patients() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        INSERT INTO patient_order (patient_id, created_at, owner_id, status, name, owner, last_contact_at, next_call_at)
        SELECT p.patient_id, p.created_at, p.owner_id, p.status,
               lower(concat_ws(' ', n.last_name, n.first_name)),
               lower(coalesce((
                   SELECT a.display_name FROM user_account AS a WHERE a.user_account_id = p.owner_id
               ), '')),
               coalesce((
                   SELECT c.occurs_at FROM call_history AS c
                   WHERE c.person_id = p.person_id AND c.voided_at IS NULL AND is_contact(c.status, c.outcome)
                   ORDER BY c.occurs_at DESC, c.call_id DESC LIMIT 1
               ), '1900-01-01 00:00:00+00'),
               coalesce((
                   SELECT c.occurs_at FROM call_history AS c
                   WHERE c.person_id = p.person_id AND c.voided_at IS NULL AND c.status IN ('scheduled', 'confirmed')
                     AND c.occurs_at >= clock_timestamp()
                   ORDER BY c.occurs_at, c.call_id LIMIT 1
               ), '9999-12-31 00:00:00+00')
        FROM touched AS p JOIN person AS n ON n.person_id = p.person_id
        WHERE p.deleted_at IS NULL
        ON CONFLICT (patient_id) DO NOTHING;
        RETURN NULL;
    END
    $$;

CREATE FUNCTION places_come_later() RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
        SELECT coalesce(current_setting('crm.places', true) = 'later', false)
            AND has_function_privilege(session_user, 'public.undo_legacy_run(integer, integer)', 'EXECUTE')
    $$;

CREATE FUNCTION procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;

CREATE FUNCTION procrastinate_defer_jobs_v1(jobs procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;

CREATE FUNCTION procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;

CREATE TABLE procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status procrastinate_job_status DEFAULT 'todo'::procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::procrastinate_job_status) AND (abort_requested = true))))
);

CREATE FUNCTION procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;

CREATE FUNCTION procrastinate_finish_job_v1(job_id bigint, end_status procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;

CREATE FUNCTION procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;

CREATE FUNCTION procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;

CREATE FUNCTION procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;

CREATE FUNCTION procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;

CREATE FUNCTION procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;

CREATE FUNCTION procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;

CREATE FUNCTION procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;

CREATE FUNCTION procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;

CREATE FUNCTION procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        -- Anybody may set the setting; it counts where the owner's rights hold, inside the owner's functions.
        IF TG_TABLE_NAME !~ '^audit_event' AND current_setting('crm.insert_only_exception', true) = 'on'
            AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
        THEN
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'UPDATE' THEN NEW END;
        END IF;
        RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END
    $$;

CREATE FUNCTION refuse_missing_index() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        IF EXISTS (SELECT FROM index_set_aside AS s WHERE s.table_name = NEW.table_name AND s.name = NEW.name) THEN
            RAISE EXCEPTION '% of % has to be built again', NEW.name, NEW.table_name
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END
    $$;

CREATE FUNCTION reversed_digits(phone text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT reverse(regexp_replace(phone, '[^0-9]', '', 'g'))
    $$;

CREATE FUNCTION rights_are_held(a_key uuid, an_account uuid, any_of_roles text[]) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        -- Only tried: where an end is under way, the ordinary path waits for it.
        IF NOT pg_try_advisory_xact_lock_shared(hashtextextended('rights ' || an_account, 0)) THEN
            RETURN false;
        END IF;
        RETURN EXISTS (
                SELECT FROM api_key
                WHERE api_key_id = a_key AND user_account_id = an_account AND revoked_at IS NULL)
            AND EXISTS (SELECT FROM user_account WHERE user_account_id = an_account AND is_active)
            AND EXISTS (
                SELECT FROM role_grant
                WHERE user_account_id = an_account AND revoked_at IS NULL AND role = ANY (any_of_roles));
    END
    $$;

CREATE FUNCTION search_marks(of_person uuid) RETURNS text[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'public', 'pg_temp'
    AS $$
    BEGIN
        RETURN array(
            SELECT mark FROM (
                SELECT unnest(search_marks_of_person(country, email_key)) AS mark FROM person WHERE person_id = of_person
                UNION
                SELECT 'e' || left(value_key, 8) FROM contact_point
                WHERE person_id = of_person AND kind = 'email' AND (was IS NULL OR was = 'former')
                UNION
                SELECT unnest(search_marks_of_patient(status, medical_condition_id, owner_id))
                FROM patient WHERE person_id = of_person
                UNION
                SELECT unnest(ARRAY['l', 'lc' || right(medical_condition_id::text, 8),
                                    'lo' || right(owner_id::text, 8), 'lr' || source, 'ls' || status])
                FROM patient_lead WHERE person_id = of_person
                UNION
                SELECT unnest(ARRAY['h', 'hh' || right(hospital_id::text, 8), 'hs' || right(specialization_id::text, 8)])
                FROM physician WHERE person_id = of_person
            ) AS m WHERE mark IS NOT NULL ORDER BY mark);
    END
    $$;

CREATE FUNCTION search_marks_of_patient(status text, condition_id uuid, owner_id uuid) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT array_remove(
            ARRAY['p', 'pc' || right(condition_id::text, 8), 'po' || right(owner_id::text, 8), 'ps' || status], NULL)
    $$;

CREATE FUNCTION search_marks_of_person(country text, email_key text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT array_remove(ARRAY['e' || left(email_key, 8), 'n' || country], NULL)
    $$;

CREATE FUNCTION search_terms(words text, num bigint, is_active boolean, date_of_birth date, marks text[]) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
    DECLARE
        kind text := CASE WHEN is_active THEN '@b' ELSE '@i' END;
        terms text[] := ARRAY[
            kind || '0:' || (num >> 10), kind || '1:' || (num >> 13),
            kind || '2:' || (num >> 16), kind || '3:' || (num >> 19)];
        part text;
    BEGIN
        IF NOT is_active THEN
            terms := terms || '@off'::text;
        END IF;
        IF date_of_birth IS NOT NULL THEN
            terms := terms || ARRAY[
                '@day' || (date_of_birth - DATE '2000-01-01'), '@year' || date_part('year', date_of_birth)::integer];
        END IF;
        FOREACH part IN ARRAY marks LOOP
            terms := terms || ('@' || part);
        END LOOP;
        -- A word of few letters is its own beginning more than once; a vector has each term once.
        FOREACH part IN ARRAY string_to_array(words, ' ') LOOP
            terms := terms || ARRAY[
                '=' || part, left(part, 1), left(part, 2), left(part, 3), left(part, 4), left(part, 5), left(part, 6),
                left(part, 7), left(part, 8)];
        END LOOP;
        RETURN array_to_tsvector(terms);
    END
    $$;

CREATE FUNCTION spelt_words(name text) RETURNS TABLE(place bigint, spelling text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $_$
        SELECT w.place, s.spelling
        FROM regexp_split_to_table(
            translate(replace(replace(replace(replace(
                lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g')),
                'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'), 'øđðłı', 'oddli'),
            '[^[:alnum:]]+') WITH ORDINALITY AS w(word, place),
        LATERAL (
            SELECT w.word AS spelling
            UNION
            SELECT regexp_replace(regexp_replace(regexp_replace(
                w.word, 'ae|oe', 'e', 'g'), 'our(s?)$', 'or\1'), '(t|b)re(s?)$', '\1er\2')
            UNION
            SELECT replace(replace(replace(w.word, 'ae', 'a'), 'oe', 'o'), 'ue', 'u')
        ) AS s
        WHERE w.word <> ''
    $_$;

CREATE FUNCTION take_indexes_away(target text) RETURNS SETOF text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
    DECLARE
        part record;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(quote_ident(target)) AND relkind = 'r')
            OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(target)) AND tgname = 'refuse_change')
        THEN
            RAISE EXCEPTION '% keeps its indexes', target USING ERRCODE = 'insufficient_privilege';
        END IF;
        INSERT INTO index_set_aside (table_name, place, name, is_constraint, definition)
        -- A unique constraint that another table's foreign key leans on has to stay, as has the primary key.
        SELECT target, CASE c.contype WHEN 'f' THEN 2 ELSE 1 END, c.conname, true, pg_get_constraintdef(c.oid)
        FROM pg_constraint AS c
        WHERE c.conrelid = target::regclass AND c.contype IN ('f', 'u', 'x') AND c.conparentid = 0 AND c.conname !~ '_reference$'
          AND (c.contype = 'f'
               OR NOT EXISTS (SELECT FROM pg_constraint AS f WHERE f.contype = 'f' AND f.conindid = c.conindid))
        UNION ALL
        SELECT target, 3, x.relname, false, pg_get_indexdef(i.indexrelid)
        FROM pg_index AS i JOIN pg_class AS x ON x.oid = i.indexrelid
        WHERE i.indrelid = target::regclass
          AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid);
        FOR part IN
            SELECT * FROM index_set_aside AS s WHERE s.table_name = target ORDER BY s.place = 2 DESC, s.place, s.name
        LOOP
            IF part.is_constraint THEN
                EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', target, part.name);
            ELSE
                EXECUTE format('DROP INDEX %I', part.name);
            END IF;
        END LOOP;
        RETURN QUERY SELECT s.name FROM index_set_aside AS s WHERE s.table_name = target ORDER BY s.place, s.name;
    END
    $_$;

CREATE FUNCTION undo_legacy_run(undone_run integer, first_phase integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $_$
    DECLARE
        target record;
        removed bigint;
        total bigint := 0;
    BEGIN
        -- Work on one of these rows that is under way is waited for; work that comes later finds it gone.
        FOR target IN SELECT * FROM legacy_targets() ORDER BY lock_order LOOP
            EXECUTE format(
                'SELECT FROM %I WHERE %I IN (SELECT record_id FROM migrated_row '
                'WHERE run_id = $1 AND phase >= $2 AND table_name = %L) ORDER BY %I FOR UPDATE',
                target.name, target.key, target.name, target.key) USING undone_run, first_phase;
        END LOOP;
        IF EXISTS (SELECT FROM legacy_rows_worked_on(undone_run, first_phase)) THEN
            RAISE EXCEPTION 'people have worked on rows of run %', undone_run USING ERRCODE = 'restrict_violation';
        END IF;
        -- Not as a SET clause of the function: that takes a superuser, whom the owner is not.
        PERFORM set_config('crm.insert_only_exception', 'on', true);
        -- Else the triggers would make these rows anew for each of the rows that go.
        DELETE FROM person_search AS s USING migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase
            AND m.table_name = 'person' AND m.record_id = s.person_id;
        DELETE FROM patient_order AS o USING migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase
            AND m.table_name = 'patient' AND m.record_id = o.patient_id;
        FOR target IN SELECT * FROM legacy_targets() LOOP
            EXECUTE format(
                'WITH gone AS (DELETE FROM %I AS t USING migrated_row AS m WHERE m.run_id = $1 AND m.phase >= $2 '
                'AND m.table_name = %L AND t.%I = m.record_id RETURNING t.*) '
                'INSERT INTO row_history (table_name, record_id, version, "row", reason) '
                'SELECT %L, gone.%I, coalesce((to_jsonb(gone) ->> ''version'')::integer, 1), to_jsonb(gone), $3 FROM gone',
                target.name, target.name, target.key, target.name, target.key)
                USING undone_run, first_phase, format('undone: run %s', undone_run);
            GET DIAGNOSTICS removed = ROW_COUNT;
            total := total + removed;
        END LOOP;
        PERFORM set_config('crm.insert_only_exception', 'off', true);
        IF first_phase <= 4 THEN
            PERFORM set_config('crm.restores', 'on', true);
            WITH back AS (
                UPDATE person AS p SET do_not_contact_channels = e.do_not_contact_channels, version = e.version,
                    updated_at = e.updated_at, updated_by = e.updated_by
                FROM row_history AS h CROSS JOIN LATERAL jsonb_populate_record(NULL::person, h.row) AS e
                WHERE h.reason = format('legacy run %s', undone_run) AND h.table_name = 'person'
                    AND p.person_id = h.record_id AND p.version = h.version + 1
                RETURNING old.person_id, old.version, to_jsonb(old) AS earlier
            )
            INSERT INTO row_history (table_name, record_id, version, "row", reason)
            SELECT 'person', person_id, version, earlier, format('undone: run %s', undone_run) FROM back;
            GET DIAGNOSTICS removed = ROW_COUNT;
            total := total + removed;
            PERFORM set_config('crm.restores', 'off', true);
        END IF;
        PERFORM set_config('crm.restores', 'on', true);
        WITH back AS (
            UPDATE suggested_change AS s SET decision = e.decision, decided_at = e.decided_at, decided_by = e.decided_by,
                reason = e.reason, ours = e.ours, ours_version = e.ours_version, version = e.version,
                updated_at = e.updated_at, updated_by = e.updated_by
            FROM row_history AS h CROSS JOIN LATERAL jsonb_populate_record(NULL::suggested_change, h.row) AS e
            WHERE h.reason = format('legacy run %s', undone_run) AND h.table_name = 'suggested_change'
                AND s.suggested_change_id = h.record_id AND s.version = h.version + 1
            RETURNING old.suggested_change_id, old.version, to_jsonb(old) AS earlier
        )
        INSERT INTO row_history (table_name, record_id, version, "row", reason)
        SELECT 'suggested_change', suggested_change_id, version, earlier, format('undone: run %s', undone_run) FROM back;
        GET DIAGNOSTICS removed = ROW_COUNT;
        total := total + removed;
        PERFORM set_config('crm.restores', 'off', true);
        DELETE FROM migrated_row AS m WHERE m.run_id = undone_run AND m.phase >= first_phase;
        INSERT INTO audit_event (action, record_type, outcome, purpose)
        VALUES ('undo_legacy_run', 'legacy_run', 'done', format('run %s from phase %s', undone_run, first_phase));
        RETURN total;
    END
    $_$;

CREATE FUNCTION word_query(typed text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT string_agg(spellings, ' & ')::tsquery
        FROM (
            SELECT '(' || string_agg(quote_literal(spelling) || ':*', ' | ') || ')' AS spellings
            FROM public.spelt_words(typed) GROUP BY place
        ) AS words
    $$;

CREATE FUNCTION word_terms(a text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT array_to_tsvector(array(SELECT DISTINCT spelling FROM public.spelt_words(coalesce(a, ''))))
    $$;

CREATE FUNCTION word_terms(a text, b text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT array_to_tsvector(array(SELECT DISTINCT spelling FROM public.spelt_words(coalesce(a, '') || ' ' || coalesce(b, ''))))
    $$;

CREATE FUNCTION word_terms(a text, b text, c text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
        SELECT array_to_tsvector(array(SELECT DISTINCT spelling FROM public.spelt_words(coalesce(a, '') || ' ' || coalesce(b, '') || ' ' || coalesce(c, ''))))
    $$;

CREATE TABLE absence (
    absence_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    kind text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_absence_dates_in_order CHECK ((ends_at > starts_at)),
    CONSTRAINT ck_absence_kind_known CHECK ((kind = ANY (ARRAY['holiday'::text, 'training'::text, 'other'::text])))
);

CREATE TABLE access_opening (
    access_opening_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    kind text NOT NULL,
    user_account_id uuid NOT NULL,
    person_id uuid NOT NULL,
    reason text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    reviewed_at timestamp with time zone,
    reviewed_by uuid,
    verdict text,
    review_note text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    review_reminded_at timestamp with time zone,
    CONSTRAINT ck_access_opening_ends_after_it_begins CHECK ((expires_at >= created_at)),
    CONSTRAINT ck_access_opening_kind_known CHECK ((kind = ANY (ARRAY['break_glass'::text, 'outside_caseload'::text, 'reveal'::text]))),
    CONSTRAINT ck_access_opening_nobody_reviews_their_own CHECK ((reviewed_by <> user_account_id)),
    CONSTRAINT ck_access_opening_reason_not_blank CHECK ((btrim(reason) <> ''::text)),
    CONSTRAINT ck_access_opening_reviewed_whole CHECK ((((reviewed_at IS NULL) = (reviewed_by IS NULL)) AND ((reviewed_at IS NULL) = (verdict IS NULL)))),
    CONSTRAINT ck_access_opening_verdict_known CHECK ((verdict = ANY (ARRAY['justified'::text, 'not_justified'::text, 'follow_up'::text])))
);

CREATE TABLE account_preference (
    user_account_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    language text,
    time_zone character varying(64),
    density text,
    shortcuts boolean,
    landing_place text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    sidebar_folded boolean,
    hidden_columns text[],
    CONSTRAINT ck_account_preference_density_known CHECK ((density = ANY (ARRAY['comfortable'::text, 'compact'::text]))),
    CONSTRAINT ck_account_preference_landing_place_known CHECK ((landing_place = ANY (ARRAY['today'::text, 'leads'::text, 'patients'::text, 'calls'::text, 'journeys'::text, 'physicians'::text, 'hospitals'::text, 'trials'::text, 'programmes'::text, 'conditions'::text, 'dashboard'::text, 'data_quality'::text, 'oversight'::text, 'administration'::text]))),
    CONSTRAINT ck_account_preference_language_known CHECK ((language = ANY (ARRAY['en'::text, 'nl'::text, 'de'::text, 'fr'::text, 'es'::text])))
);

CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE api_key (
    api_key_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    prefix character varying(20) NOT NULL,
    secret_sha256 bytea NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    scopes text[],
    replaced_by uuid,
    CONSTRAINT ck_api_key_secret_is_sha256 CHECK ((octet_length(secret_sha256) = 32))
);

CREATE TABLE audit_event (
    audit_event_id uuid DEFAULT uuidv7() NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    actor_id uuid,
    api_key_id uuid,
    session_id uuid,
    action text NOT NULL,
    record_type text,
    record_id uuid,
    person_ids uuid[],
    field_names text[],
    outcome text NOT NULL,
    code text,
    purpose text,
    request_id text,
    CONSTRAINT ck_audit_event_outcome_known CHECK ((outcome = ANY (ARRAY['done'::text, 'refused'::text, 'absent'::text, 'invalid'::text, 'conflict'::text, 'failed'::text])))
)
PARTITION BY RANGE (at);

CREATE TABLE calendar_feed (
    calendar_feed_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    token_sha256 bytea NOT NULL,
    ended_at timestamp with time zone
);

CREATE TABLE call_history (
    call_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    patient_id uuid,
    lead_id uuid,
    pn_id uuid,
    booking_date timestamp with time zone,
    booking_time_zone character varying(64),
    call_date timestamp with time zone,
    reminder_date timestamp with time zone,
    occurs_at timestamp with time zone GENERATED ALWAYS AS (COALESCE(call_date, booking_date, reminder_date, created_at)) STORED NOT NULL,
    status text NOT NULL,
    no_show boolean DEFAULT false NOT NULL,
    direction text DEFAULT 'outbound'::text NOT NULL,
    channel text DEFAULT 'phone'::text NOT NULL,
    call_duration_minutes integer,
    outcome character varying(100),
    adverse_event_heard boolean,
    notes text,
    rescheduled_to uuid,
    voided_at timestamp with time zone,
    voided_by uuid,
    void_reason text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    created_by uuid,
    contact_reason text,
    spoke_with_person_id uuid,
    CONSTRAINT ck_call_history_about_patient_or_lead CHECK ((num_nonnulls(patient_id, lead_id) >= 1)),
    CONSTRAINT ck_call_history_cancelled_has_no_outcome CHECK (((status <> 'cancelled'::text) OR (outcome IS NULL))),
    CONSTRAINT ck_call_history_channel_known CHECK ((channel = ANY (ARRAY['phone'::text, 'video'::text, 'in_person'::text, 'messaging'::text, 'email'::text]))),
    CONSTRAINT ck_call_history_direction_known CHECK ((direction = ANY (ARRAY['inbound'::text, 'outbound'::text]))),
    CONSTRAINT ck_call_history_duration_not_negative CHECK ((call_duration_minutes >= 0)),
    CONSTRAINT ck_call_history_has_a_moment CHECK (((num_nonnulls(call_date, booking_date) >= 1) OR (reminder_date IS NOT NULL) OR no_show)),
    CONSTRAINT ck_call_history_no_show_is_a_status CHECK ((no_show = (status = 'no_show'::text))),
    CONSTRAINT ck_call_history_status_known CHECK ((status = ANY (ARRAY['scheduled'::text, 'confirmed'::text, 'completed'::text, 'no_show'::text, 'cancelled'::text, 'rescheduled'::text]))),
    CONSTRAINT ck_call_history_void_has_a_reason CHECK ((num_nonnulls(voided_at, void_reason) <> 1))
);

CREATE TABLE came_back (
    came_back_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    kind text NOT NULL,
    intake_submission_id uuid NOT NULL,
    owner_id uuid,
    closed_at timestamp with time zone,
    closed_by uuid,
    close_reason text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_came_back_closed_with_a_reason CHECK ((num_nonnulls(closed_at, close_reason) <> 1)),
    CONSTRAINT ck_came_back_kind_known CHECK ((kind = ANY (ARRAY['deceased'::text, 'withdrawn'::text, 'opted_out'::text])))
);

CREATE TABLE clinical_trial (
    clinical_trial_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    trial_id character varying(100) NOT NULL,
    registry_code text NOT NULL,
    title character varying(500),
    phase character varying(30),
    status text DEFAULT 'unverified'::text NOT NULL,
    sponsor character varying(200),
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_clinical_trial_registry_known CHECK ((registry_code = ANY (ARRAY['NCT'::text, 'EUCT'::text, 'EudraCT'::text, 'ISRCTN'::text, 'jRCT'::text, 'other'::text]))),
    CONSTRAINT ck_clinical_trial_status_known CHECK ((status = ANY (ARRAY['unverified'::text, 'not_yet_recruiting'::text, 'recruiting'::text, 'enrolling_by_invitation'::text, 'active_not_recruiting'::text, 'suspended'::text, 'terminated'::text, 'completed'::text, 'withdrawn'::text]))),
    CONSTRAINT ck_clinical_trial_trial_id_not_blank CHECK ((btrim((trial_id)::text) <> ''::text))
);

CREATE TABLE clinical_trial_journey (
    ct_journey_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    patient_id uuid NOT NULL,
    physician_id uuid,
    clinical_trial_id uuid,
    trial_reference character varying(500),
    medical_condition_id uuid,
    referral_date date,
    eligible boolean,
    eligibility_assessment_date date,
    ineligible_reason text,
    outcome character varying(100),
    status text DEFAULT 'identified'::text NOT NULL,
    on_hold_reason text,
    on_hold_until date,
    enrollment_date date,
    completion_date date,
    notes text,
    status_changed_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_clinical_trial_journey_completed_after_enrolled CHECK ((completion_date >= enrollment_date)),
    CONSTRAINT ck_clinical_trial_journey_enrolled_after_referred CHECK ((enrollment_date >= referral_date)),
    CONSTRAINT ck_clinical_trial_journey_reason_when_not_eligible CHECK (((eligible IS DISTINCT FROM true) OR (ineligible_reason IS NULL))),
    CONSTRAINT ck_clinical_trial_journey_status_known CHECK ((status = ANY (ARRAY['identified'::text, 'pre_screening'::text, 'pre_screen_passed'::text, 'patient_considering'::text, 'referral_ready'::text, 'referred'::text, 'site_review'::text, 'site_accepted'::text, 'screening_scheduled'::text, 'consented'::text, 'screening'::text, 'eligible_enrolled'::text, 'on_study'::text, 'follow_up'::text, 'not_pursued'::text, 'pre_screen_failed'::text, 'declined_by_patient'::text, 'referral_withdrawn'::text, 'site_rejected'::text, 'screen_failed'::text, 'withdrew_consent'::text, 'completed'::text, 'discontinued'::text, 'lost_to_follow_up'::text, 'trial_closed'::text, 'deceased'::text, 'entered_in_error'::text])))
);

CREATE TABLE condition_code (
    condition_code_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    medical_condition_id uuid NOT NULL,
    system character varying(200) NOT NULL,
    code character varying(50) NOT NULL,
    display character varying(300),
    map_type text NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_condition_code_map_type_known CHECK ((map_type = ANY (ARRAY['exact'::text, 'narrower'::text, 'broader'::text])))
);

CREATE TABLE condition_synonym (
    condition_synonym_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    medical_condition_id uuid NOT NULL,
    name character varying(200) NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    name_key text NOT NULL,
    is_double boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_condition_synonym_name_not_blank CHECK ((btrim((name)::text) <> ''::text))
);

CREATE TABLE contact_point (
    contact_point_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    kind text NOT NULL,
    value character varying(255) NOT NULL,
    value_key text NOT NULL,
    is_shared boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    was text,
    phone_extension character varying(20),
    CONSTRAINT ck_contact_point_kind_known CHECK ((kind = ANY (ARRAY['email'::text, 'phone'::text]))),
    CONSTRAINT ck_contact_point_value_not_blank CHECK ((btrim((value)::text) <> ''::text)),
    CONSTRAINT ck_contact_point_was_known CHECK ((was = ANY (ARRAY['former'::text, 'wrong'::text, 'someone_elses'::text])))
);

CREATE TABLE contact_type (
    contact_type_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    type_name character varying(50) NOT NULL,
    description text
);

CREATE TABLE document (
    document_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid,
    title text NOT NULL,
    kind text NOT NULL,
    expires_on date,
    voided_at timestamp with time zone,
    voided_by uuid,
    void_reason text,
    person_id uuid NOT NULL,
    patient_id uuid,
    lead_id uuid,
    call_id uuid,
    ct_journey_id uuid,
    eap_journey_id uuid,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_document_about_one_record CHECK ((num_nonnulls(call_id, ct_journey_id, eap_journey_id) <= 1)),
    CONSTRAINT ck_document_kind_known CHECK ((kind = ANY (ARRAY['medical_record'::text, 'lab_result'::text, 'imaging'::text, 'consent'::text, 'approval'::text, 'prescription'::text, 'letter'::text, 'identification'::text, 'other'::text]))),
    CONSTRAINT ck_document_void_has_a_reason CHECK ((num_nonnulls(voided_at, void_reason) <> 1))
);

CREATE TABLE document_key (
    document_version_id uuid NOT NULL,
    key_version integer NOT NULL,
    wrapped_key bytea NOT NULL
);

CREATE TABLE document_version (
    document_version_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid,
    document_id uuid NOT NULL,
    number integer NOT NULL,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    stored_as text NOT NULL,
    scan_status text NOT NULL,
    scanned_at timestamp with time zone,
    scan_tries integer DEFAULT 0 NOT NULL,
    scan_due_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT ck_document_version_number_from_one CHECK ((number > 0)),
    CONSTRAINT ck_document_version_scan_status_known CHECK ((scan_status = ANY (ARRAY['not_scanned'::text, 'waiting'::text, 'passed'::text, 'refused'::text])))
);

CREATE TABLE draft (
    draft_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    kind text NOT NULL,
    record_id uuid NOT NULL,
    field character varying(50) NOT NULL,
    person_id uuid,
    content jsonb NOT NULL,
    saved_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_draft_kind_known CHECK ((kind = ANY (ARRAY['person'::text, 'lead'::text, 'patient'::text, 'call'::text, 'task'::text, 'note'::text, 'clinical_trial_journey'::text, 'eap_journey'::text, 'physician'::text, 'hospital'::text, 'medical_condition'::text, 'clinical_trial'::text, 'eap_program'::text])))
);

CREATE TABLE duplicate_candidate (
    duplicate_candidate_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    other_person_id uuid NOT NULL,
    reasons text[] NOT NULL,
    decision text DEFAULT 'open'::text NOT NULL,
    decided_at timestamp with time zone,
    decided_by uuid,
    reason text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_duplicate_candidate_decided_when_not_open CHECK (((decision = 'open'::text) = (decided_at IS NULL))),
    CONSTRAINT ck_duplicate_candidate_decision_known CHECK ((decision = ANY (ARRAY['open'::text, 'different_people'::text, 'same_person'::text]))),
    CONSTRAINT ck_duplicate_candidate_pair_in_order CHECK ((person_id < other_person_id))
);

CREATE TABLE eap_gate (
    eap_gate_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    eap_journey_id uuid NOT NULL,
    gate text NOT NULL,
    status text DEFAULT 'pending'::text NOT NULL,
    decided_on date,
    reference_number character varying(100),
    expires_on date,
    notes text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_eap_gate_expires_after_decided CHECK ((expires_on >= decided_on)),
    CONSTRAINT ck_eap_gate_gate_known CHECK ((gate = ANY (ARRAY['regulatory'::text, 'ethics'::text, 'informed_consent'::text, 'physician_credentials'::text, 'contract'::text, 'import_licence'::text, 'qp_release'::text, 'data_privacy'::text, 'pharmacy_readiness'::text, 'pv_training'::text]))),
    CONSTRAINT ck_eap_gate_status_known CHECK ((status = ANY (ARRAY['not_required'::text, 'pending'::text, 'submitted'::text, 'approved'::text, 'refused'::text, 'expired'::text])))
);

CREATE TABLE eap_journey (
    eap_journey_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    patient_id uuid NOT NULL,
    physician_id uuid,
    eap_program_id uuid,
    eap_number character varying(100) NOT NULL,
    product character varying(200),
    medical_condition_id uuid,
    enrollment_date date,
    approval_date date,
    completion_date date,
    status text DEFAULT 'inquiry'::text NOT NULL,
    on_hold_reason text,
    on_hold_until date,
    notes text,
    status_changed_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    number_scope text NOT NULL,
    eap_number_key text NOT NULL,
    is_double boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_eap_journey_completed_after_enrolled CHECK ((completion_date >= enrollment_date)),
    CONSTRAINT ck_eap_journey_status_known CHECK ((status = ANY (ARRAY['inquiry'::text, 'eligibility_review'::text, 'request_preparation'::text, 'submitted_to_sponsor'::text, 'sponsor_review'::text, 'sponsor_approved'::text, 'approvals_in_progress'::text, 'supply_authorised'::text, 'shipped'::text, 'shipment_failed'::text, 'received'::text, 'on_treatment'::text, 'treatment_ended'::text, 'reporting'::text, 'closed'::text, 'not_pursued'::text, 'not_eligible'::text, 'redirect_to_trial'::text, 'refused'::text, 'sponsor_declined'::text, 'withdrawn'::text, 'deceased'::text, 'programme_closed'::text, 'transitioned_to_commercial'::text])))
);

CREATE TABLE eap_program (
    eap_program_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    name character varying(200) NOT NULL,
    product character varying(200) NOT NULL,
    sponsor character varying(200),
    countries text[] DEFAULT '{}'::text[] NOT NULL,
    status text DEFAULT 'open'::text NOT NULL,
    description text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    name_key text NOT NULL,
    is_double boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_eap_program_product_not_blank CHECK ((btrim((product)::text) <> ''::text)),
    CONSTRAINT ck_eap_program_status_known CHECK ((status = ANY (ARRAY['planned'::text, 'open'::text, 'paused'::text, 'closed'::text])))
);

CREATE TABLE export_request (
    export_request_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    requested_by uuid NOT NULL,
    list_name text NOT NULL,
    question jsonb NOT NULL,
    columns text[] NOT NULL,
    reason text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    decision text DEFAULT 'open'::text NOT NULL,
    decided_at timestamp with time zone,
    decided_by uuid,
    decision_note text,
    taken_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_export_request_decided_whole CHECK ((((decision = 'open'::text) = (decided_at IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)))),
    CONSTRAINT ck_export_request_decision_known CHECK ((decision = ANY (ARRAY['open'::text, 'approved'::text, 'refused'::text, 'withdrawn'::text]))),
    CONSTRAINT ck_export_request_nobody_decides_their_own CHECK (((decision = 'withdrawn'::text) OR (decided_by <> requested_by))),
    CONSTRAINT ck_export_request_reason_not_blank CHECK ((btrim(reason) <> ''::text))
);

CREATE TABLE held_form (
    held_form_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    path character varying(500) NOT NULL,
    fields jsonb NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE hospital (
    hospital_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    name character varying(200) NOT NULL,
    city character varying(100),
    country character varying(2),
    address character varying(500),
    is_active boolean DEFAULT true NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    name_key text NOT NULL,
    city_key text NOT NULL,
    is_double boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_hospital_country_iso CHECK (((country)::text ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT ck_hospital_name_not_blank CHECK ((btrim((name)::text) <> ''::text))
);

CREATE TABLE idempotency_key (
    owner_id uuid NOT NULL,
    key text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    request_hash bytea NOT NULL,
    status smallint,
    headers jsonb,
    answer bytea
);

CREATE TABLE index_set_aside (
    table_name text NOT NULL,
    name text NOT NULL,
    place integer NOT NULL,
    is_constraint boolean NOT NULL,
    definition text NOT NULL
);

CREATE TABLE intake_submission (
    intake_submission_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    source text NOT NULL,
    payload jsonb NOT NULL,
    language character varying(35),
    consent_text_version character varying(50),
    received_by uuid,
    person_id uuid NOT NULL,
    match_outcome character varying(30) NOT NULL,
    match_reasons text[] DEFAULT '{}'::text[] NOT NULL,
    CONSTRAINT ck_intake_submission_source_known CHECK ((source = ANY (ARRAY['landing_page'::text, 'contact_form'::text, 'phone'::text, 'referral'::text, 'event'::text, 'import'::text, 'api'::text, 'navigator'::text])))
);

CREATE TABLE journey_event (
    journey_event_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    lead_id uuid,
    patient_id uuid,
    ct_journey_id uuid,
    eap_journey_id uuid,
    from_status character varying(30),
    to_status character varying(30) NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    entered_by uuid,
    via character varying(30),
    reason_code character varying(50),
    reason text,
    guards jsonb DEFAULT '{}'::jsonb NOT NULL,
    is_correction boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_journey_event_of_one_record CHECK ((num_nonnulls(lead_id, patient_id, ct_journey_id, eap_journey_id) = 1))
);

CREATE TABLE known_device (
    known_device_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    reference_sha256 bytea NOT NULL,
    last_used_at timestamp with time zone NOT NULL
);

CREATE TABLE list_export (
    list_export_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    exported_by uuid,
    list_path text NOT NULL,
    columns text[] NOT NULL,
    format text NOT NULL,
    row_count integer,
    reason text NOT NULL,
    request_id text,
    export_request_id uuid,
    CONSTRAINT ck_list_export_reason_not_blank CHECK ((btrim(reason) <> ''::text))
);

CREATE TABLE medical_condition (
    medical_condition_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    name character varying(200) NOT NULL,
    abbreviation character varying(50),
    description text,
    is_active boolean DEFAULT true NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    name_key text NOT NULL,
    is_double boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_medical_condition_name_not_blank CHECK ((btrim((name)::text) <> ''::text))
);

CREATE TABLE migrated_row (
    table_name text NOT NULL,
    record_id uuid NOT NULL,
    run_id integer NOT NULL,
    phase integer NOT NULL
);

CREATE TABLE note (
    note_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid,
    text text NOT NULL,
    adverse_event_heard boolean,
    is_pinned boolean DEFAULT false NOT NULL,
    voided_at timestamp with time zone,
    voided_by uuid,
    void_reason text,
    person_id uuid NOT NULL,
    patient_id uuid,
    lead_id uuid,
    call_id uuid,
    ct_journey_id uuid,
    eap_journey_id uuid,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_note_about_one_record CHECK ((num_nonnulls(call_id, ct_journey_id, eap_journey_id) <= 1)),
    CONSTRAINT ck_note_void_has_a_reason CHECK ((num_nonnulls(voided_at, void_reason) <> 1))
);

CREATE TABLE notification (
    notification_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    kind text NOT NULL,
    record_type text NOT NULL,
    record_id uuid NOT NULL,
    person_id uuid,
    occasion integer DEFAULT 0 NOT NULL,
    read_at timestamp with time zone,
    mailed_at timestamp with time zone,
    CONSTRAINT ck_notification_kind_known CHECK ((kind = ANY (ARRAY['assigned'::text, 'came_back'::text, 'review_due'::text, 'report_due'::text, 'call_soon'::text, 'export_asked'::text, 'export_decided'::text]))),
    CONSTRAINT ck_notification_record_type_known CHECK ((record_type = ANY (ARRAY['patient_lead'::text, 'patient'::text, 'task'::text, 'came_back'::text, 'access_opening'::text, 'call_history'::text, 'export_request'::text])))
);

CREATE TABLE notification_choice (
    user_account_id uuid NOT NULL,
    kind text NOT NULL,
    in_app boolean DEFAULT true NOT NULL,
    by_mail boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_notification_choice_kind_known CHECK ((kind = ANY (ARRAY['assigned'::text, 'came_back'::text, 'review_due'::text, 'report_due'::text, 'call_soon'::text, 'export_asked'::text, 'export_decided'::text])))
);

CREATE TABLE one_time_link (
    one_time_link_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    purpose text NOT NULL,
    token_sha256 bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT ck_one_time_link_purpose_known CHECK ((purpose = ANY (ARRAY['invitation'::text, 'reset'::text])))
);

CREATE TABLE outgoing_mail (
    outgoing_mail_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    to_address character varying(255) NOT NULL,
    subject character varying(200) NOT NULL,
    body text,
    due_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    tries smallint DEFAULT 0 NOT NULL
);

CREATE TABLE outside_identity (
    outside_identity_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL
);

CREATE TABLE outside_sign_in (
    state_sha256 bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    holder_sha256 bytea NOT NULL,
    nonce text NOT NULL,
    code_verifier text NOT NULL,
    next_path text NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE passkey (
    passkey_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name character varying(100) NOT NULL,
    transports text[] DEFAULT '{}'::text[] NOT NULL,
    last_used_at timestamp with time zone
);

CREATE TABLE passkey_challenge (
    holder_sha256 bytea NOT NULL,
    ceremony text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    challenge bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_passkey_challenge_ceremony_known CHECK ((ceremony = ANY (ARRAY['enrol'::text, 'sign_in'::text, 'second_factor'::text, 'unlock'::text])))
);

CREATE TABLE password_credential (
    user_account_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    hash text NOT NULL,
    changed_at timestamp with time zone NOT NULL
);

CREATE TABLE patient (
    patient_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    medical_condition_id uuid NOT NULL,
    first_contact_date date,
    initial_consult_date date,
    status text DEFAULT 'active'::text NOT NULL,
    status_reason text,
    owner_id uuid,
    deleted_at timestamp with time zone,
    deleted_by uuid,
    deleted_reason text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_patient_deleted_by_somebody CHECK (((deleted_at IS NULL) = (deleted_by IS NULL))),
    CONSTRAINT ck_patient_status_known CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'inactive'::text, 'deceased'::text, 'withdrawn'::text, 'erased'::text])))
);

CREATE TABLE patient_lead (
    lead_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    medical_condition_id uuid NOT NULL,
    source text NOT NULL,
    landing_page_url character varying(2000),
    status text DEFAULT 'new'::text NOT NULL,
    owner_id uuid,
    wake_up_on date,
    converted_to_patient_id uuid,
    converted_at timestamp with time zone,
    closed_at timestamp with time zone,
    reason_code character varying(50),
    reason text,
    duplicate_of_person_id uuid,
    intake_submission_id uuid,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    reference text DEFAULT new_reference('L'::text) NOT NULL,
    CONSTRAINT ck_patient_lead_converted_has_patient_and_time CHECK ((((status = 'converted'::text) = (converted_to_patient_id IS NOT NULL)) AND ((status = 'converted'::text) = (converted_at IS NOT NULL)))),
    CONSTRAINT ck_patient_lead_duplicate_points_when_closed_so CHECK (((duplicate_of_person_id IS NULL) OR (status = 'duplicate'::text))),
    CONSTRAINT ck_patient_lead_source_known CHECK ((source = ANY (ARRAY['landing_page'::text, 'contact_form'::text, 'phone'::text, 'referral'::text, 'event'::text, 'import'::text, 'api'::text, 'navigator'::text]))),
    CONSTRAINT ck_patient_lead_status_known CHECK ((status = ANY (ARRAY['new'::text, 'contacting'::text, 'call_booked'::text, 'call_completed'::text, 'qualified'::text, 'nurture'::text, 'converted'::text, 'unreachable'::text, 'disqualified'::text, 'duplicate'::text, 'withdrawn'::text])))
);

CREATE TABLE patient_order (
    patient_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    owner_id uuid,
    status text NOT NULL,
    name text NOT NULL,
    owner text NOT NULL,
    last_contact_at timestamp with time zone NOT NULL,
    next_call_at timestamp with time zone NOT NULL,
    clinical_trial_stage text,
    eap_stage text
);

CREATE TABLE patient_physician_relationship (
    patient_physician_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    patient_id uuid NOT NULL,
    physician_id uuid NOT NULL,
    relationship_type text NOT NULL,
    is_primary boolean DEFAULT false NOT NULL,
    start_date date,
    end_date date,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_patient_physician_relationship_dates_in_order CHECK ((end_date >= start_date)),
    CONSTRAINT ck_patient_physician_relationship_primary_is_current CHECK (((NOT is_primary) OR (end_date IS NULL))),
    CONSTRAINT ck_patient_physician_relationship_type_known CHECK ((relationship_type = ANY (ARRAY['primary_care'::text, 'referring'::text, 'treating'::text, 'specialist'::text, 'second_opinion'::text, 'other'::text])))
);

CREATE TABLE person (
    person_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    first_name character varying(100),
    last_name character varying(100),
    middle_name character varying(100),
    preferred_name character varying(100),
    email character varying(255),
    email_key text,
    phone character varying(64),
    phone_e164 character varying(20),
    phone_valid boolean,
    date_of_birth date,
    gender text,
    country character varying(2),
    language character varying(35),
    time_zone character varying(64),
    do_not_contact_channels text[] DEFAULT '{}'::text[] NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    family_key text,
    given_key text,
    reference text DEFAULT new_reference('P'::text) NOT NULL,
    date_of_birth_precision text DEFAULT 'day'::text NOT NULL,
    phone_extension character varying(20),
    CONSTRAINT ck_person_country_iso CHECK (((country)::text ~ '^[A-Z]{2}$'::text)),
    CONSTRAINT ck_person_date_of_birth_begins_period CHECK ((date_of_birth = date_trunc(date_of_birth_precision, (date_of_birth)::timestamp without time zone))),
    CONSTRAINT ck_person_date_of_birth_precision_known CHECK ((date_of_birth_precision = ANY (ARRAY['year'::text, 'month'::text, 'day'::text]))),
    CONSTRAINT ck_person_email_has_key CHECK (((email IS NULL) = (email_key IS NULL))),
    CONSTRAINT ck_person_first_name_not_blank CHECK ((btrim((first_name)::text) <> ''::text)),
    CONSTRAINT ck_person_gender_known CHECK ((gender = ANY (ARRAY['male'::text, 'female'::text, 'other'::text, 'unknown'::text]))),
    CONSTRAINT ck_person_last_name_not_blank CHECK ((btrim((last_name)::text) <> ''::text))
);

CREATE TABLE person_contact_type (
    person_contact_type_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    contact_type_id uuid NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    valid_to timestamp with time zone,
    period tstzrange GENERATED ALWAYS AS (tstzrange(valid_from, valid_to)) STORED NOT NULL,
    hospital_id uuid,
    job_title character varying(200),
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_person_contact_type_period_in_order CHECK ((valid_to >= valid_from))
);

CREATE TABLE person_departure (
    person_departure_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    kind text NOT NULL,
    departed_on date NOT NULL,
    source character varying(200),
    reason text,
    closed jsonb DEFAULT '[]'::jsonb NOT NULL,
    listed jsonb DEFAULT '[]'::jsonb NOT NULL,
    entered_by uuid,
    ended_at timestamp with time zone,
    ended_by uuid,
    ended_how text,
    ended_reason text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_person_departure_death_has_a_source CHECK (((kind <> 'deceased'::text) OR (source IS NOT NULL))),
    CONSTRAINT ck_person_departure_end_known CHECK ((ended_how = ANY (ARRAY['undone'::text, 'returned'::text]))),
    CONSTRAINT ck_person_departure_ended_whole CHECK ((num_nonnulls(ended_at, ended_how, ended_reason) = ANY (ARRAY[0, 3]))),
    CONSTRAINT ck_person_departure_kind_known CHECK ((kind = ANY (ARRAY['deceased'::text, 'withdrawn'::text]))),
    CONSTRAINT ck_person_departure_withdrawal_has_a_reason CHECK (((kind <> 'withdrawn'::text) OR (reason IS NOT NULL)))
);

CREATE TABLE person_relationship (
    person_relationship_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    related_person_id uuid NOT NULL,
    relationship_type text NOT NULL,
    authority text DEFAULT 'none'::text NOT NULL,
    start_date date,
    end_date date,
    notes text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_person_relationship_authority_known CHECK ((authority = ANY (ARRAY['none'::text, 'informal'::text, 'parental'::text, 'power_of_attorney'::text, 'court_order'::text]))),
    CONSTRAINT ck_person_relationship_dates_in_order CHECK ((end_date >= start_date)),
    CONSTRAINT ck_person_relationship_not_of_oneself CHECK ((person_id <> related_person_id)),
    CONSTRAINT ck_person_relationship_type_known CHECK ((relationship_type = ANY (ARRAY['parent'::text, 'child'::text, 'partner'::text, 'sibling'::text, 'guardian'::text, 'caregiver'::text, 'legal_representative'::text, 'other'::text])))
);

CREATE TABLE person_search (
    person_id uuid NOT NULL,
    num bigint NOT NULL,
    is_active boolean NOT NULL,
    date_of_birth date,
    words text NOT NULL,
    marks text[] DEFAULT '{}'::text[] NOT NULL,
    folding smallint NOT NULL
);

ALTER TABLE person_search ALTER COLUMN num ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME person_search_num_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE physician (
    physician_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    hospital_id uuid,
    job_title character varying(200),
    specialization_id uuid,
    medical_license_number character varying(100),
    is_active boolean DEFAULT true NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    licence_key text
);

CREATE TABLE procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);

CREATE SEQUENCE procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE procrastinate_events_id_seq OWNED BY procrastinate_events.id;

CREATE SEQUENCE procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE procrastinate_jobs_id_seq OWNED BY procrastinate_jobs.id;

CREATE TABLE procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);

CREATE SEQUENCE procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE procrastinate_periodic_defers_id_seq OWNED BY procrastinate_periodic_defers.id;

CREATE TABLE procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE recovery_code (
    recovery_code_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    code_sha256 bytea NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE role_grant (
    role_grant_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    role text NOT NULL,
    granted_by uuid,
    revoked_at timestamp with time zone,
    revoked_by uuid,
    CONSTRAINT ck_role_grant_role_known CHECK ((role = ANY (ARRAY['navigator'::text, 'liaison'::text, 'programme_manager'::text, 'data_steward'::text, 'privacy_officer'::text, 'auditor'::text, 'admin'::text, 'integration'::text])))
);

CREATE TABLE row_history (
    row_history_id uuid DEFAULT uuidv7() NOT NULL,
    table_name text NOT NULL,
    record_id uuid NOT NULL,
    version integer NOT NULL,
    "row" jsonb NOT NULL,
    replaced_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    replaced_by uuid,
    reason text
);

CREATE TABLE saved_view (
    saved_view_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    list_name text NOT NULL,
    name character varying(60) NOT NULL,
    filters jsonb NOT NULL,
    sort character varying(40),
    columns text[],
    is_shared boolean DEFAULT false NOT NULL,
    removed_at timestamp with time zone,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_saved_view_list_name_known CHECK ((list_name = ANY (ARRAY['leads'::text, 'patients'::text, 'calls'::text, 'tasks'::text, 'physicians'::text, 'hospitals'::text, 'specializations'::text, 'trials'::text, 'programmes'::text, 'conditions'::text, 'standing-faults'::text, 'doubles'::text, 'suggestions'::text, 'exports'::text, 'documents'::text, 'duplicates'::text]))),
    CONSTRAINT ck_saved_view_name_not_blank CHECK ((btrim((name)::text) <> ''::text))
);

CREATE TABLE saved_view_choice (
    user_account_id uuid NOT NULL,
    saved_view_id uuid NOT NULL,
    list_name text NOT NULL,
    is_pinned boolean DEFAULT false NOT NULL,
    is_default boolean DEFAULT false NOT NULL
);

CREATE TABLE search_word (
    search_word_id bigint NOT NULL,
    word text NOT NULL,
    people integer DEFAULT 1 NOT NULL
);

ALTER TABLE search_word ALTER COLUMN search_word_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME search_word_search_word_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE served_program (
    revision text NOT NULL
);

CREATE TABLE sign_in_attempt (
    sign_in_attempt_id uuid DEFAULT uuidv7() NOT NULL,
    at timestamp with time zone NOT NULL,
    account_sha256 bytea NOT NULL,
    source character varying(64) NOT NULL,
    known_device boolean NOT NULL,
    succeeded boolean DEFAULT false NOT NULL,
    purpose text DEFAULT 'sign_in'::text NOT NULL,
    CONSTRAINT ck_sign_in_attempt_purpose_known CHECK ((purpose = ANY (ARRAY['sign_in'::text, 'code'::text, 'reset'::text])))
);

CREATE TABLE specialization (
    specialization_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    name character varying(200) NOT NULL,
    description text,
    is_active boolean DEFAULT true NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    name_key text NOT NULL,
    is_double boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_specialization_name_not_blank CHECK ((btrim((name)::text) <> ''::text))
);

CREATE TABLE stage_norm (
    stage_norm_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    journey_kind text NOT NULL,
    stage text NOT NULL,
    days integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_stage_norm_days_in_range CHECK (((days >= 1) AND (days <= 3650)))
);

CREATE TABLE suggested_change (
    suggested_change_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    person_id uuid NOT NULL,
    table_name character varying(63) NOT NULL,
    record_id uuid NOT NULL,
    field character varying(63) NOT NULL,
    ours jsonb,
    ours_version integer NOT NULL,
    theirs jsonb NOT NULL,
    value_hash character varying(64) NOT NULL,
    source character varying(30) NOT NULL,
    intake_submission_id uuid,
    decision text DEFAULT 'open'::text NOT NULL,
    decided_at timestamp with time zone,
    decided_by uuid,
    reason text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    phone_country character varying(2),
    CONSTRAINT ck_suggested_change_decided_when_not_open CHECK (((decision = 'open'::text) = (decided_at IS NULL))),
    CONSTRAINT ck_suggested_change_decision_known CHECK ((decision = ANY (ARRAY['open'::text, 'accepted'::text, 'rejected'::text, 'superseded'::text])))
);

CREATE TABLE task (
    task_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by uuid,
    title character varying(200) NOT NULL,
    details text,
    due_on date,
    due_at timestamp with time zone,
    due_time_zone character varying(64),
    due_by timestamp with time zone NOT NULL,
    snoozed_until timestamp with time zone,
    owner_id uuid,
    status text DEFAULT 'open'::text NOT NULL,
    done_at timestamp with time zone,
    done_by uuid,
    repeat_every integer,
    repeat_unit text,
    repeat_until date,
    repeats_from date,
    next_task_id uuid,
    rule character varying(50),
    person_id uuid NOT NULL,
    patient_id uuid,
    lead_id uuid,
    call_id uuid,
    ct_journey_id uuid,
    eap_journey_id uuid,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    reported_at timestamp with time zone,
    reason text,
    CONSTRAINT ck_task_about_one_record CHECK ((num_nonnulls(call_id, ct_journey_id, eap_journey_id) <= 1)),
    CONSTRAINT ck_task_done_has_a_time CHECK (((status = 'done'::text) = (done_at IS NOT NULL))),
    CONSTRAINT ck_task_due_once CHECK ((num_nonnulls(due_on, due_at) = 1)),
    CONSTRAINT ck_task_repeat_every_positive CHECK ((repeat_every >= 1)),
    CONSTRAINT ck_task_repeat_unit_known CHECK ((repeat_unit = ANY (ARRAY['day'::text, 'week'::text, 'month'::text]))),
    CONSTRAINT ck_task_repeats_whole CHECK (((num_nonnulls(repeat_every, repeat_unit, repeats_from) = ANY (ARRAY[0, 3])) AND ((repeat_until IS NULL) OR (repeat_every IS NOT NULL)))),
    CONSTRAINT ck_task_reported_is_done CHECK (((reported_at IS NULL) OR (status = 'done'::text))),
    CONSTRAINT ck_task_status_known CHECK ((status = ANY (ARRAY['open'::text, 'done'::text, 'cancelled'::text])))
);

CREATE TABLE totp_credential (
    user_account_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    secret_encrypted bytea NOT NULL,
    last_step bigint NOT NULL,
    key_version integer DEFAULT 0 NOT NULL
);

CREATE TABLE user_account (
    user_account_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    kind text NOT NULL,
    display_name character varying(200) NOT NULL,
    email character varying(255),
    email_key text,
    person_id uuid,
    is_active boolean DEFAULT true NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_user_account_display_name_not_blank CHECK ((btrim((display_name)::text) <> ''::text)),
    CONSTRAINT ck_user_account_kind_known CHECK ((kind = ANY (ARRAY['human'::text, 'service'::text])))
);

CREATE TABLE web_session (
    web_session_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    reference_sha256 bytea NOT NULL,
    stage text NOT NULL,
    signed_in_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    proved_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    browser character varying(200) NOT NULL,
    source character varying(64) NOT NULL,
    CONSTRAINT ck_web_session_end_reason_known CHECK ((end_reason = ANY (ARRAY['signed_out'::text, 'ended_by_user'::text, 'ended_by_admin'::text, 'disabled'::text, 'role_changed'::text, 'password_changed'::text, 'expired'::text]))),
    CONSTRAINT ck_web_session_ended_for_a_reason CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT ck_web_session_reference_is_sha256 CHECK ((octet_length(reference_sha256) = 32)),
    CONSTRAINT ck_web_session_stage_known CHECK ((stage = ANY (ARRAY['second_factor'::text, 'enrolment'::text, 'open'::text])))
);

CREATE TABLE working_span (
    working_span_id uuid DEFAULT uuidv7() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    user_account_id uuid NOT NULL,
    weekday integer NOT NULL,
    from_minute integer NOT NULL,
    until_minute integer NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT ck_working_span_weekday_known CHECK (((weekday >= 1) AND (weekday <= 7))),
    CONSTRAINT ck_working_span_within_a_day CHECK (((from_minute >= 0) AND (until_minute <= 1440) AND (from_minute < until_minute)))
);

CREATE TABLE working_week (
    user_account_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_by uuid,
    version integer DEFAULT 1 NOT NULL
);

ALTER TABLE ONLY procrastinate_events ALTER COLUMN id SET DEFAULT nextval('procrastinate_events_id_seq'::regclass);

ALTER TABLE ONLY procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('procrastinate_jobs_id_seq'::regclass);

ALTER TABLE ONLY procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('procrastinate_periodic_defers_id_seq'::regclass);

ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY person_contact_type
    ADD CONSTRAINT ex_person_contact_type_no_overlap EXCLUDE USING gist (person_id WITH =, contact_type_id WITH =, period WITH &&);

ALTER TABLE ONLY absence
    ADD CONSTRAINT pk_absence PRIMARY KEY (absence_id);

ALTER TABLE ONLY access_opening
    ADD CONSTRAINT pk_access_opening PRIMARY KEY (access_opening_id);

ALTER TABLE ONLY account_preference
    ADD CONSTRAINT pk_account_preference PRIMARY KEY (user_account_id);

ALTER TABLE ONLY api_key
    ADD CONSTRAINT pk_api_key PRIMARY KEY (api_key_id);

ALTER TABLE ONLY audit_event
    ADD CONSTRAINT pk_audit_event PRIMARY KEY (audit_event_id, at);

ALTER TABLE ONLY calendar_feed
    ADD CONSTRAINT pk_calendar_feed PRIMARY KEY (calendar_feed_id);

ALTER TABLE ONLY call_history
    ADD CONSTRAINT pk_call_history PRIMARY KEY (call_id);

ALTER TABLE ONLY came_back
    ADD CONSTRAINT pk_came_back PRIMARY KEY (came_back_id);

ALTER TABLE ONLY clinical_trial
    ADD CONSTRAINT pk_clinical_trial PRIMARY KEY (clinical_trial_id);

ALTER TABLE ONLY clinical_trial_journey
    ADD CONSTRAINT pk_clinical_trial_journey PRIMARY KEY (ct_journey_id);

ALTER TABLE ONLY condition_code
    ADD CONSTRAINT pk_condition_code PRIMARY KEY (condition_code_id);

ALTER TABLE ONLY condition_synonym
    ADD CONSTRAINT pk_condition_synonym PRIMARY KEY (condition_synonym_id);

ALTER TABLE ONLY contact_point
    ADD CONSTRAINT pk_contact_point PRIMARY KEY (contact_point_id);

ALTER TABLE ONLY contact_type
    ADD CONSTRAINT pk_contact_type PRIMARY KEY (contact_type_id);

ALTER TABLE ONLY document
    ADD CONSTRAINT pk_document PRIMARY KEY (document_id);

ALTER TABLE ONLY document_key
    ADD CONSTRAINT pk_document_key PRIMARY KEY (document_version_id);

ALTER TABLE ONLY document_version
    ADD CONSTRAINT pk_document_version PRIMARY KEY (document_version_id);

ALTER TABLE ONLY draft
    ADD CONSTRAINT pk_draft PRIMARY KEY (draft_id);

ALTER TABLE ONLY duplicate_candidate
    ADD CONSTRAINT pk_duplicate_candidate PRIMARY KEY (duplicate_candidate_id);

ALTER TABLE ONLY eap_gate
    ADD CONSTRAINT pk_eap_gate PRIMARY KEY (eap_gate_id);

ALTER TABLE ONLY eap_journey
    ADD CONSTRAINT pk_eap_journey PRIMARY KEY (eap_journey_id);

ALTER TABLE ONLY eap_program
    ADD CONSTRAINT pk_eap_program PRIMARY KEY (eap_program_id);

ALTER TABLE ONLY export_request
    ADD CONSTRAINT pk_export_request PRIMARY KEY (export_request_id);

ALTER TABLE ONLY held_form
    ADD CONSTRAINT pk_held_form PRIMARY KEY (held_form_id);

ALTER TABLE ONLY hospital
    ADD CONSTRAINT pk_hospital PRIMARY KEY (hospital_id);

ALTER TABLE ONLY idempotency_key
    ADD CONSTRAINT pk_idempotency_key PRIMARY KEY (owner_id, key);

ALTER TABLE ONLY index_set_aside
    ADD CONSTRAINT pk_index_set_aside PRIMARY KEY (table_name, name);

ALTER TABLE ONLY intake_submission
    ADD CONSTRAINT pk_intake_submission PRIMARY KEY (intake_submission_id);

ALTER TABLE ONLY journey_event
    ADD CONSTRAINT pk_journey_event PRIMARY KEY (journey_event_id);

ALTER TABLE ONLY known_device
    ADD CONSTRAINT pk_known_device PRIMARY KEY (known_device_id);

ALTER TABLE ONLY list_export
    ADD CONSTRAINT pk_list_export PRIMARY KEY (list_export_id);

ALTER TABLE ONLY medical_condition
    ADD CONSTRAINT pk_medical_condition PRIMARY KEY (medical_condition_id);

ALTER TABLE ONLY migrated_row
    ADD CONSTRAINT pk_migrated_row PRIMARY KEY (table_name, record_id);

ALTER TABLE ONLY note
    ADD CONSTRAINT pk_note PRIMARY KEY (note_id);

ALTER TABLE ONLY notification
    ADD CONSTRAINT pk_notification PRIMARY KEY (notification_id);

ALTER TABLE ONLY notification_choice
    ADD CONSTRAINT pk_notification_choice PRIMARY KEY (user_account_id, kind);

ALTER TABLE ONLY one_time_link
    ADD CONSTRAINT pk_one_time_link PRIMARY KEY (one_time_link_id);

ALTER TABLE ONLY outgoing_mail
    ADD CONSTRAINT pk_outgoing_mail PRIMARY KEY (outgoing_mail_id);

ALTER TABLE ONLY outside_identity
    ADD CONSTRAINT pk_outside_identity PRIMARY KEY (outside_identity_id);

ALTER TABLE ONLY outside_sign_in
    ADD CONSTRAINT pk_outside_sign_in PRIMARY KEY (state_sha256);

ALTER TABLE ONLY passkey
    ADD CONSTRAINT pk_passkey PRIMARY KEY (passkey_id);

ALTER TABLE ONLY passkey_challenge
    ADD CONSTRAINT pk_passkey_challenge PRIMARY KEY (holder_sha256, ceremony);

ALTER TABLE ONLY password_credential
    ADD CONSTRAINT pk_password_credential PRIMARY KEY (user_account_id);

ALTER TABLE ONLY patient
    ADD CONSTRAINT pk_patient PRIMARY KEY (patient_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT pk_patient_lead PRIMARY KEY (lead_id);

ALTER TABLE ONLY patient_order
    ADD CONSTRAINT pk_patient_order PRIMARY KEY (patient_id);

ALTER TABLE ONLY patient_physician_relationship
    ADD CONSTRAINT pk_patient_physician_relationship PRIMARY KEY (patient_physician_id);

ALTER TABLE ONLY person
    ADD CONSTRAINT pk_person PRIMARY KEY (person_id);

ALTER TABLE ONLY person_contact_type
    ADD CONSTRAINT pk_person_contact_type PRIMARY KEY (person_contact_type_id);

ALTER TABLE ONLY person_departure
    ADD CONSTRAINT pk_person_departure PRIMARY KEY (person_departure_id);

ALTER TABLE ONLY person_relationship
    ADD CONSTRAINT pk_person_relationship PRIMARY KEY (person_relationship_id);

ALTER TABLE ONLY person_search
    ADD CONSTRAINT pk_person_search PRIMARY KEY (person_id);

ALTER TABLE ONLY physician
    ADD CONSTRAINT pk_physician PRIMARY KEY (physician_id);

ALTER TABLE ONLY recovery_code
    ADD CONSTRAINT pk_recovery_code PRIMARY KEY (recovery_code_id);

ALTER TABLE ONLY role_grant
    ADD CONSTRAINT pk_role_grant PRIMARY KEY (role_grant_id);

ALTER TABLE ONLY row_history
    ADD CONSTRAINT pk_row_history PRIMARY KEY (row_history_id);

ALTER TABLE ONLY saved_view
    ADD CONSTRAINT pk_saved_view PRIMARY KEY (saved_view_id);

ALTER TABLE ONLY saved_view_choice
    ADD CONSTRAINT pk_saved_view_choice PRIMARY KEY (user_account_id, saved_view_id);

ALTER TABLE ONLY search_word
    ADD CONSTRAINT pk_search_word PRIMARY KEY (search_word_id);

ALTER TABLE ONLY served_program
    ADD CONSTRAINT pk_served_program PRIMARY KEY (revision);

ALTER TABLE ONLY sign_in_attempt
    ADD CONSTRAINT pk_sign_in_attempt PRIMARY KEY (sign_in_attempt_id);

ALTER TABLE ONLY specialization
    ADD CONSTRAINT pk_specialization PRIMARY KEY (specialization_id);

ALTER TABLE ONLY stage_norm
    ADD CONSTRAINT pk_stage_norm PRIMARY KEY (stage_norm_id);

ALTER TABLE ONLY suggested_change
    ADD CONSTRAINT pk_suggested_change PRIMARY KEY (suggested_change_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT pk_task PRIMARY KEY (task_id);

ALTER TABLE ONLY totp_credential
    ADD CONSTRAINT pk_totp_credential PRIMARY KEY (user_account_id);

ALTER TABLE ONLY user_account
    ADD CONSTRAINT pk_user_account PRIMARY KEY (user_account_id);

ALTER TABLE ONLY web_session
    ADD CONSTRAINT pk_web_session PRIMARY KEY (web_session_id);

ALTER TABLE ONLY working_span
    ADD CONSTRAINT pk_working_span PRIMARY KEY (working_span_id);

ALTER TABLE ONLY working_week
    ADD CONSTRAINT pk_working_week PRIMARY KEY (user_account_id);

ALTER TABLE ONLY procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);

ALTER TABLE ONLY procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY api_key
    ADD CONSTRAINT uq_api_key_prefix UNIQUE (prefix);

ALTER TABLE ONLY calendar_feed
    ADD CONSTRAINT uq_calendar_feed_token_sha256 UNIQUE (token_sha256);

ALTER TABLE ONLY contact_point
    ADD CONSTRAINT uq_contact_point_person_id_kind_value_key UNIQUE (person_id, kind, value_key);

ALTER TABLE ONLY contact_type
    ADD CONSTRAINT uq_contact_type_type_name UNIQUE (type_name);

ALTER TABLE ONLY document_version
    ADD CONSTRAINT uq_document_version_document_id_number UNIQUE (document_id, number);

ALTER TABLE ONLY document_version
    ADD CONSTRAINT uq_document_version_stored_as UNIQUE (stored_as);

ALTER TABLE ONLY draft
    ADD CONSTRAINT uq_draft_user_account_id_kind_record_id_field UNIQUE (user_account_id, kind, record_id, field);

ALTER TABLE ONLY duplicate_candidate
    ADD CONSTRAINT uq_duplicate_candidate_person_id_other_person_id UNIQUE (person_id, other_person_id);

ALTER TABLE ONLY eap_gate
    ADD CONSTRAINT uq_eap_gate_eap_journey_id_gate UNIQUE (eap_journey_id, gate);

ALTER TABLE ONLY known_device
    ADD CONSTRAINT uq_known_device_user_account_id_reference_sha256 UNIQUE (user_account_id, reference_sha256);

ALTER TABLE ONLY notification
    ADD CONSTRAINT uq_notification_user_account_id_kind_record_id_occasion UNIQUE (user_account_id, kind, record_id, occasion);

ALTER TABLE ONLY one_time_link
    ADD CONSTRAINT uq_one_time_link_token_sha256 UNIQUE (token_sha256);

ALTER TABLE ONLY outside_identity
    ADD CONSTRAINT uq_outside_identity_issuer_subject UNIQUE (issuer, subject);

ALTER TABLE ONLY passkey
    ADD CONSTRAINT uq_passkey_credential_id UNIQUE (credential_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT uq_patient_lead_lead_id_person_id UNIQUE (lead_id, person_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT uq_patient_lead_reference UNIQUE (reference);

ALTER TABLE ONLY patient
    ADD CONSTRAINT uq_patient_patient_id_person_id UNIQUE (patient_id, person_id);

ALTER TABLE ONLY patient
    ADD CONSTRAINT uq_patient_person_id UNIQUE (person_id);

ALTER TABLE ONLY person
    ADD CONSTRAINT uq_person_reference UNIQUE (reference);

ALTER TABLE ONLY physician
    ADD CONSTRAINT uq_physician_person_id UNIQUE (person_id);

ALTER TABLE ONLY recovery_code
    ADD CONSTRAINT uq_recovery_code_user_account_id_code_sha256 UNIQUE (user_account_id, code_sha256);

ALTER TABLE ONLY stage_norm
    ADD CONSTRAINT uq_stage_norm_journey_kind_stage UNIQUE (journey_kind, stage);

ALTER TABLE ONLY suggested_change
    ADD CONSTRAINT uq_suggested_change_value UNIQUE (record_id, field, value_hash);

ALTER TABLE ONLY user_account
    ADD CONSTRAINT uq_user_account_person_id UNIQUE (person_id);

ALTER TABLE ONLY web_session
    ADD CONSTRAINT uq_web_session_reference_sha256 UNIQUE (reference_sha256);

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::procrastinate_job_status));

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON procrastinate_workers USING btree (last_heartbeat);

CREATE INDEX ix_absence_user_account_id_ends_at ON absence USING btree (user_account_id, ends_at, absence_id);

CREATE INDEX ix_access_opening_kind ON access_opening USING btree (kind, created_at DESC, access_opening_id DESC);

CREATE INDEX ix_access_opening_person_id ON access_opening USING btree (person_id, created_at);

CREATE INDEX ix_access_opening_unreviewed ON access_opening USING btree (kind, created_at DESC, access_opening_id DESC) WHERE (reviewed_at IS NULL);

CREATE INDEX ix_access_opening_user_account_id_expires_at ON access_opening USING btree (user_account_id, expires_at);

CREATE INDEX ix_api_key_user_account_id ON api_key USING btree (user_account_id);

CREATE INDEX ix_audit_event_actor_id_at ON ONLY audit_event USING btree (actor_id, at);

CREATE INDEX ix_audit_event_not_done ON ONLY audit_event USING btree (outcome, audit_event_id) WHERE (outcome <> 'done'::text);

CREATE INDEX ix_audit_event_purpose ON ONLY audit_event USING btree (purpose, audit_event_id) WHERE (purpose IS NOT NULL);

CREATE INDEX ix_audit_event_record_id_at ON ONLY audit_event USING btree (record_id, at);

CREATE INDEX ix_call_history_faulty ON call_history USING btree (call_id) WHERE ((voided_at IS NULL) AND (((status = 'cancelled'::text) AND (outcome IS NOT NULL)) OR ((status = 'no_show'::text) AND (lower((outcome)::text) = ANY (ARRAY['reached'::text, 'refused'::text, 'callback_requested'::text, 'language_barrier'::text]))) OR ((call_date IS NULL) AND (booking_date IS NULL))));

CREATE INDEX ix_call_history_lead_id_occurs_at ON call_history USING btree (lead_id, occurs_at DESC, call_id DESC) WHERE (lead_id IS NOT NULL);

CREATE INDEX ix_call_history_occurs_at ON call_history USING btree (occurs_at DESC, call_id DESC);

CREATE INDEX ix_call_history_patient_id_occurs_at ON call_history USING btree (patient_id, occurs_at DESC, call_id DESC) WHERE (patient_id IS NOT NULL);

CREATE INDEX ix_call_history_person_id_occurs_at ON call_history USING btree (person_id, occurs_at DESC, call_id DESC);

CREATE INDEX ix_call_history_pn_id_occurs_at ON call_history USING btree (pn_id, occurs_at DESC, call_id DESC);

CREATE INDEX ix_call_history_pn_id_unresolved ON call_history USING btree (pn_id, occurs_at DESC, call_id DESC) WHERE ((voided_at IS NULL) AND ((status = ANY (ARRAY['scheduled'::text, 'confirmed'::text])) OR ((status = 'completed'::text) AND (adverse_event_heard IS NULL) AND ((outcome IS NULL) OR (lower((outcome)::text) <> ALL (ARRAY['voicemail'::text, 'wrong_number'::text, 'no_answer'::text]))))));

CREATE INDEX ix_call_history_rescheduled_to ON call_history USING btree (rescheduled_to) WHERE (rescheduled_to IS NOT NULL);

CREATE INDEX ix_call_history_spoke_with_person_id ON call_history USING btree (spoke_with_person_id) WHERE (spoke_with_person_id IS NOT NULL);

CREATE INDEX ix_call_history_status_occurs_at ON call_history USING btree (status, occurs_at DESC, call_id DESC);

CREATE INDEX ix_call_history_unresolved ON call_history USING btree (occurs_at DESC, call_id DESC) WHERE ((voided_at IS NULL) AND ((status = ANY (ARRAY['scheduled'::text, 'confirmed'::text])) OR ((status = 'completed'::text) AND (adverse_event_heard IS NULL) AND ((outcome IS NULL) OR (lower((outcome)::text) <> ALL (ARRAY['voicemail'::text, 'wrong_number'::text, 'no_answer'::text]))))));

CREATE INDEX ix_came_back_created_at ON came_back USING btree (created_at DESC, came_back_id DESC);

CREATE INDEX ix_came_back_open ON came_back USING btree (created_at DESC, came_back_id DESC) WHERE (closed_at IS NULL);

CREATE INDEX ix_came_back_person_id ON came_back USING btree (person_id);

CREATE INDEX ix_clinical_trial_created_at ON clinical_trial USING btree (created_at DESC, clinical_trial_id DESC);

CREATE INDEX ix_clinical_trial_status_created_at ON clinical_trial USING btree (status, created_at DESC, clinical_trial_id DESC);

CREATE INDEX ix_clinical_trial_words ON clinical_trial USING gin (word_terms((trial_id)::text, (title)::text, (sponsor)::text)) WITH (fastupdate=off);

CREATE INDEX ix_condition_code_system_code ON condition_code USING btree (system, code);

CREATE INDEX ix_condition_synonym_double ON condition_synonym USING btree (condition_synonym_id) WHERE is_double;

CREATE INDEX ix_condition_synonym_medical_condition_id ON condition_synonym USING btree (medical_condition_id);

CREATE INDEX ix_condition_synonym_words ON condition_synonym USING gin (word_terms((name)::text)) WITH (fastupdate=off);

CREATE INDEX ix_contact_point_email_beginning ON contact_point USING btree (value_key text_pattern_ops) WHERE (kind = 'email'::text);

CREATE INDEX ix_contact_point_phone_reversed ON contact_point USING btree (reversed_digits(value_key) text_pattern_ops) WHERE (kind = 'phone'::text);

CREATE INDEX ix_contact_point_value_key ON contact_point USING btree (value_key, kind);

CREATE INDEX ix_ct_journey_clinical_trial_id ON clinical_trial_journey USING btree (clinical_trial_id, created_at DESC, ct_journey_id DESC);

CREATE INDEX ix_ct_journey_created_at ON clinical_trial_journey USING btree (created_at DESC, ct_journey_id DESC);

CREATE INDEX ix_ct_journey_medical_condition_id ON clinical_trial_journey USING btree (medical_condition_id);

CREATE INDEX ix_ct_journey_patient_id ON clinical_trial_journey USING btree (patient_id, created_at DESC, ct_journey_id DESC);

CREATE INDEX ix_ct_journey_physician_id ON clinical_trial_journey USING btree (physician_id, created_at DESC, ct_journey_id DESC);

CREATE INDEX ix_ct_journey_status_created_at ON clinical_trial_journey USING btree (status, created_at DESC, ct_journey_id DESC);

CREATE INDEX ix_document_call_id_created_at ON document USING btree (call_id, created_at DESC, document_id DESC) WHERE (call_id IS NOT NULL);

CREATE INDEX ix_document_created_at ON document USING btree (created_at DESC, document_id DESC);

CREATE INDEX ix_document_ct_journey_id_created_at ON document USING btree (ct_journey_id, created_at DESC, document_id DESC) WHERE (ct_journey_id IS NOT NULL);

CREATE INDEX ix_document_eap_journey_id_created_at ON document USING btree (eap_journey_id, created_at DESC, document_id DESC) WHERE (eap_journey_id IS NOT NULL);

CREATE INDEX ix_document_expires_on ON document USING btree (expires_on, document_id) WHERE (expires_on IS NOT NULL);

CREATE INDEX ix_document_key_key_version ON document_key USING btree (key_version);

CREATE INDEX ix_document_kind_created_at ON document USING btree (kind, created_at DESC, document_id DESC);

CREATE INDEX ix_document_lead_id_created_at ON document USING btree (lead_id, created_at DESC, document_id DESC) WHERE (lead_id IS NOT NULL);

CREATE INDEX ix_document_patient_id_created_at ON document USING btree (patient_id, created_at DESC, document_id DESC) WHERE (patient_id IS NOT NULL);

CREATE INDEX ix_document_person_id_created_at ON document USING btree (person_id, created_at DESC, document_id DESC);

CREATE INDEX ix_document_version_scan_due_at ON document_version USING btree (scan_due_at) WHERE (scan_status = 'waiting'::text);

CREATE INDEX ix_draft_expires_at ON draft USING btree (expires_at);

CREATE INDEX ix_draft_person_id ON draft USING btree (person_id) WHERE (person_id IS NOT NULL);

CREATE INDEX ix_draft_user_account_id_expires_at ON draft USING btree (user_account_id, expires_at DESC, draft_id DESC);

CREATE INDEX ix_duplicate_candidate_created_at ON duplicate_candidate USING btree (created_at DESC, duplicate_candidate_id DESC);

CREATE INDEX ix_duplicate_candidate_decision_created_at ON duplicate_candidate USING btree (decision, created_at DESC, duplicate_candidate_id DESC);

CREATE INDEX ix_duplicate_candidate_other_person_id ON duplicate_candidate USING btree (other_person_id);

CREATE INDEX ix_eap_journey_created_at ON eap_journey USING btree (created_at DESC, eap_journey_id DESC);

CREATE INDEX ix_eap_journey_double ON eap_journey USING btree (eap_journey_id) WHERE is_double;

CREATE INDEX ix_eap_journey_eap_number ON eap_journey USING btree (lower((eap_number)::text));

CREATE INDEX ix_eap_journey_eap_program_id ON eap_journey USING btree (eap_program_id, created_at DESC, eap_journey_id DESC);

CREATE INDEX ix_eap_journey_medical_condition_id ON eap_journey USING btree (medical_condition_id);

CREATE INDEX ix_eap_journey_patient_id ON eap_journey USING btree (patient_id, created_at DESC, eap_journey_id DESC);

CREATE INDEX ix_eap_journey_physician_id ON eap_journey USING btree (physician_id, created_at DESC, eap_journey_id DESC);

CREATE INDEX ix_eap_journey_status_created_at ON eap_journey USING btree (status, created_at DESC, eap_journey_id DESC);

CREATE INDEX ix_eap_program_created_at ON eap_program USING btree (created_at DESC, eap_program_id DESC);

CREATE INDEX ix_eap_program_double ON eap_program USING btree (eap_program_id) WHERE is_double;

CREATE INDEX ix_eap_program_words ON eap_program USING gin (word_terms((name)::text, (product)::text, (sponsor)::text)) WITH (fastupdate=off);

CREATE INDEX ix_export_request_created_at ON export_request USING btree (created_at DESC, export_request_id DESC);

CREATE INDEX ix_export_request_open ON export_request USING btree (created_at DESC, export_request_id DESC) WHERE (decision = 'open'::text);

CREATE INDEX ix_export_request_requested_by ON export_request USING btree (requested_by, created_at DESC, export_request_id DESC);

CREATE INDEX ix_held_form_user_account_id ON held_form USING btree (user_account_id);

CREATE INDEX ix_hospital_double ON hospital USING btree (hospital_id) WHERE is_double;

CREATE INDEX ix_hospital_name ON hospital USING btree (lower((name)::text), hospital_id);

CREATE INDEX ix_hospital_words ON hospital USING gin (word_terms((name)::text, (city)::text)) WITH (fastupdate=off);

CREATE INDEX ix_intake_submission_person_id ON intake_submission USING btree (person_id, created_at DESC, intake_submission_id DESC);

CREATE INDEX ix_journey_event_ct_journey_id ON journey_event USING btree (ct_journey_id, created_at) WHERE (ct_journey_id IS NOT NULL);

CREATE INDEX ix_journey_event_ct_journey_id_happened_at ON journey_event USING btree (ct_journey_id, happened_at DESC, journey_event_id DESC) WHERE (ct_journey_id IS NOT NULL);

CREATE INDEX ix_journey_event_eap_journey_id ON journey_event USING btree (eap_journey_id, created_at) WHERE (eap_journey_id IS NOT NULL);

CREATE INDEX ix_journey_event_eap_journey_id_happened_at ON journey_event USING btree (eap_journey_id, happened_at DESC, journey_event_id DESC) WHERE (eap_journey_id IS NOT NULL);

CREATE INDEX ix_journey_event_lead_id ON journey_event USING btree (lead_id, created_at) WHERE (lead_id IS NOT NULL);

CREATE INDEX ix_journey_event_lead_id_happened_at ON journey_event USING btree (lead_id, happened_at DESC, journey_event_id DESC) WHERE (lead_id IS NOT NULL);

CREATE INDEX ix_journey_event_patient_id ON journey_event USING btree (patient_id, created_at) WHERE (patient_id IS NOT NULL);

CREATE INDEX ix_journey_event_patient_id_happened_at ON journey_event USING btree (patient_id, happened_at DESC, journey_event_id DESC) WHERE (patient_id IS NOT NULL);

CREATE INDEX ix_known_device_last_used_at ON known_device USING btree (last_used_at);

CREATE INDEX ix_list_export_created_at ON list_export USING btree (created_at DESC, list_export_id DESC);

CREATE INDEX ix_medical_condition_active_name ON medical_condition USING btree (is_active, lower((name)::text), medical_condition_id);

CREATE INDEX ix_medical_condition_double ON medical_condition USING btree (medical_condition_id) WHERE is_double;

CREATE INDEX ix_medical_condition_name ON medical_condition USING btree (lower((name)::text), medical_condition_id);

CREATE INDEX ix_medical_condition_words ON medical_condition USING gin (word_terms((name)::text, (abbreviation)::text)) WITH (fastupdate=off);

CREATE INDEX ix_note_call_id_created_at ON note USING btree (call_id, created_at DESC, note_id DESC) WHERE (call_id IS NOT NULL);

CREATE INDEX ix_note_created_at ON note USING btree (created_at DESC, note_id DESC);

CREATE INDEX ix_note_created_by_created_at ON note USING btree (created_by, created_at DESC, note_id DESC);

CREATE INDEX ix_note_ct_journey_id_created_at ON note USING btree (ct_journey_id, created_at DESC, note_id DESC) WHERE (ct_journey_id IS NOT NULL);

CREATE INDEX ix_note_eap_journey_id_created_at ON note USING btree (eap_journey_id, created_at DESC, note_id DESC) WHERE (eap_journey_id IS NOT NULL);

CREATE INDEX ix_note_lead_id_created_at ON note USING btree (lead_id, created_at DESC, note_id DESC) WHERE (lead_id IS NOT NULL);

CREATE INDEX ix_note_patient_id_created_at ON note USING btree (patient_id, created_at DESC, note_id DESC) WHERE (patient_id IS NOT NULL);

CREATE INDEX ix_note_person_id_created_at ON note USING btree (person_id, created_at DESC, note_id DESC);

CREATE INDEX ix_notification_created_at ON notification USING btree (created_at);

CREATE INDEX ix_notification_person_id ON notification USING btree (person_id);

CREATE INDEX ix_notification_unread ON notification USING btree (user_account_id, created_at DESC, notification_id DESC) WHERE (read_at IS NULL);

CREATE INDEX ix_notification_user_account_id_created_at ON notification USING btree (user_account_id, created_at DESC, notification_id DESC);

CREATE INDEX ix_one_time_link_user_account_id ON one_time_link USING btree (user_account_id);

CREATE INDEX ix_outgoing_mail_due_at ON outgoing_mail USING btree (due_at) WHERE (sent_at IS NULL);

CREATE INDEX ix_outside_identity_user_account_id ON outside_identity USING btree (user_account_id);

CREATE INDEX ix_outside_sign_in_expires_at ON outside_sign_in USING btree (expires_at);

CREATE INDEX ix_passkey_challenge_expires_at ON passkey_challenge USING btree (expires_at);

CREATE INDEX ix_passkey_user_account_id ON passkey USING btree (user_account_id);

CREATE INDEX ix_patient_created_at ON patient USING btree (created_at DESC, patient_id DESC);

CREATE INDEX ix_patient_faulty ON patient USING btree (patient_id) WHERE ((deleted_at IS NULL) AND (status = ANY (ARRAY['paused'::text, 'withdrawn'::text])) AND (COALESCE(status_reason, ''::text) = ''::text));

CREATE INDEX ix_patient_lead_converted_to_patient_id ON patient_lead USING btree (converted_to_patient_id) WHERE (converted_to_patient_id IS NOT NULL);

CREATE INDEX ix_patient_lead_created_at ON patient_lead USING btree (created_at DESC, lead_id DESC);

CREATE INDEX ix_patient_lead_duplicate_of_person_id ON patient_lead USING btree (duplicate_of_person_id) WHERE (duplicate_of_person_id IS NOT NULL);

CREATE INDEX ix_patient_lead_faulty ON patient_lead USING btree (lead_id) WHERE (((status = 'nurture'::text) AND (wake_up_on IS NULL)) OR ((status <> 'nurture'::text) AND (wake_up_on IS NOT NULL)) OR ((status = 'duplicate'::text) AND (duplicate_of_person_id IS NULL)) OR ((status <> 'duplicate'::text) AND (duplicate_of_person_id IS NOT NULL)) OR ((status = 'disqualified'::text) AND (reason_code IS NULL)) OR ((reason_code IS NOT NULL) AND ((status <> 'disqualified'::text) OR ((reason_code)::text <> ALL (ARRAY['not_a_patient'::text, 'outside_service_country'::text, 'no_serious_condition'::text, 'condition_not_supported'::text, 'wants_medical_advice_only'::text, 'spam_test'::text, 'under_age_no_guardian'::text, 'deceased'::text, 'other'::text])))));

CREATE INDEX ix_patient_lead_medical_condition_id_created_at ON patient_lead USING btree (medical_condition_id, created_at DESC, lead_id DESC);

CREATE INDEX ix_patient_lead_owner_id_created_at ON patient_lead USING btree (owner_id, created_at DESC, lead_id DESC);

CREATE INDEX ix_patient_lead_person_id ON patient_lead USING btree (person_id, created_at DESC, lead_id DESC);

CREATE INDEX ix_patient_lead_status_created_at ON patient_lead USING btree (status, created_at DESC, lead_id DESC);

CREATE INDEX ix_patient_lead_status_medical_condition_id_created_at ON patient_lead USING btree (status, medical_condition_id, created_at DESC, lead_id DESC);

CREATE INDEX ix_patient_medical_condition_id ON patient USING btree (medical_condition_id);

CREATE INDEX ix_patient_medical_condition_id_created_at ON patient USING btree (medical_condition_id, created_at DESC, patient_id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX ix_patient_order_clinical_trial_stage_created_at ON patient_order USING btree (clinical_trial_stage, created_at DESC, patient_id DESC) WHERE (clinical_trial_stage IS NOT NULL);

CREATE INDEX ix_patient_order_eap_stage_created_at ON patient_order USING btree (eap_stage, created_at DESC, patient_id DESC) WHERE (eap_stage IS NOT NULL);

CREATE INDEX ix_patient_order_last_contact_at ON patient_order USING btree (last_contact_at, patient_id);

CREATE INDEX ix_patient_order_name ON patient_order USING btree (name, patient_id);

CREATE INDEX ix_patient_order_next_call_at ON patient_order USING btree (next_call_at, patient_id);

CREATE INDEX ix_patient_order_owner ON patient_order USING btree (owner, patient_id);

CREATE INDEX ix_patient_order_owner_id_last_contact_at ON patient_order USING btree (owner_id, last_contact_at, patient_id);

CREATE INDEX ix_patient_order_owner_id_name ON patient_order USING btree (owner_id, name, patient_id);

CREATE INDEX ix_patient_order_owner_id_next_call_at ON patient_order USING btree (owner_id, next_call_at, patient_id);

CREATE INDEX ix_patient_order_status ON patient_order USING btree (status, patient_id);

CREATE INDEX ix_patient_order_status_last_contact_at ON patient_order USING btree (status, last_contact_at, patient_id);

CREATE INDEX ix_patient_order_status_name ON patient_order USING btree (status, name, patient_id);

CREATE INDEX ix_patient_order_status_next_call_at ON patient_order USING btree (status, next_call_at, patient_id);

CREATE INDEX ix_patient_owner_id_created_at ON patient USING btree (owner_id, created_at DESC, patient_id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX ix_patient_owner_id_medical_condition_id_created_at ON patient USING btree (owner_id, medical_condition_id, created_at DESC, patient_id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX ix_patient_owner_id_status_created_at ON patient USING btree (owner_id, status, created_at DESC, patient_id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX ix_patient_physician_relationship_patient_id ON patient_physician_relationship USING btree (patient_id, created_at DESC, patient_physician_id DESC);

CREATE INDEX ix_patient_physician_relationship_physician_id ON patient_physician_relationship USING btree (physician_id, created_at DESC, patient_physician_id DESC);

CREATE INDEX ix_patient_status_created_at ON patient USING btree (status, created_at DESC, patient_id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX ix_patient_status_medical_condition_id_created_at ON patient USING btree (status, medical_condition_id, created_at DESC, patient_id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX ix_person_contact_type_contact_type_id ON person_contact_type USING btree (contact_type_id);

CREATE INDEX ix_person_contact_type_faulty ON person_contact_type USING btree (person_contact_type_id) WHERE (valid_to <= valid_from);

CREATE INDEX ix_person_contact_type_hospital_id ON person_contact_type USING btree (hospital_id) WHERE (hospital_id IS NOT NULL);

CREATE INDEX ix_person_contact_type_person_id ON person_contact_type USING btree (person_id, valid_from);

CREATE INDEX ix_person_created_at ON person USING btree (created_at DESC, person_id DESC);

CREATE INDEX ix_person_date_of_birth_created_at ON person USING btree (date_of_birth, created_at DESC, person_id DESC) WHERE (date_of_birth IS NOT NULL);

CREATE INDEX ix_person_departure_person_id ON person_departure USING btree (person_id, created_at DESC, person_departure_id DESC);

CREATE INDEX ix_person_email_key_beginning ON person USING btree (email_key text_pattern_ops) WHERE (email_key IS NOT NULL);

CREATE INDEX ix_person_family_key_date_of_birth ON person USING btree (family_key, date_of_birth) WHERE (date_of_birth IS NOT NULL);

CREATE INDEX ix_person_given_key_date_of_birth ON person USING btree (given_key, date_of_birth) WHERE (date_of_birth IS NOT NULL);

CREATE INDEX ix_person_inactive_created_at ON person USING btree (created_at DESC, person_id DESC) WHERE (is_active IS FALSE);

CREATE INDEX ix_person_last_name_first_name ON person USING btree (last_name, first_name);

CREATE INDEX ix_person_phone_e164 ON person USING btree (phone_e164) WHERE (phone_e164 IS NOT NULL);

CREATE INDEX ix_person_phone_reversed ON person USING btree (reversed_digits((COALESCE(phone_e164, phone))::text) text_pattern_ops) WHERE (phone IS NOT NULL);

CREATE INDEX ix_person_relationship_person_id ON person_relationship USING btree (person_id);

CREATE INDEX ix_person_relationship_related_person_id ON person_relationship USING btree (related_person_id);

CREATE INDEX ix_person_search_terms ON person_search USING gin (search_terms(words, num, is_active, date_of_birth, marks)) WITH (fastupdate=off);

CREATE INDEX ix_physician_created_at ON physician USING btree (created_at DESC, physician_id DESC);

CREATE INDEX ix_physician_hospital_id ON physician USING btree (hospital_id, created_at DESC, physician_id DESC);

CREATE INDEX ix_physician_licence_key ON physician USING btree (licence_key);

CREATE INDEX ix_physician_medical_license_number ON physician USING btree (medical_license_number);

CREATE INDEX ix_physician_specialization_id ON physician USING btree (specialization_id, created_at DESC, physician_id DESC);

CREATE INDEX ix_row_history_record_id_version ON row_history USING btree (record_id, version);

CREATE INDEX ix_saved_view_shared ON saved_view USING btree (list_name) WHERE (is_shared AND (removed_at IS NULL));

CREATE INDEX ix_search_word_near_keys ON search_word USING gin (near_keys(word, 7)) WITH (fastupdate=off);

CREATE INDEX ix_search_word_word ON search_word USING btree (word);

CREATE INDEX ix_sign_in_attempt_account_sha256_at ON sign_in_attempt USING btree (account_sha256, at);

CREATE INDEX ix_sign_in_attempt_source_at ON sign_in_attempt USING btree (source, at);

CREATE INDEX ix_specialization_double ON specialization USING btree (specialization_id) WHERE is_double;

CREATE INDEX ix_specialization_name ON specialization USING btree (lower((name)::text), specialization_id);

CREATE INDEX ix_specialization_words ON specialization USING gin (word_terms((name)::text)) WITH (fastupdate=off);

CREATE INDEX ix_suggested_change_created_at ON suggested_change USING btree (created_at DESC, suggested_change_id DESC);

CREATE INDEX ix_suggested_change_decision_created_at ON suggested_change USING btree (decision, created_at DESC, suggested_change_id DESC);

CREATE INDEX ix_suggested_change_person_id ON suggested_change USING btree (person_id, decision);

CREATE INDEX ix_suggested_change_person_id_decided_at ON suggested_change USING btree (person_id, decided_at DESC, suggested_change_id DESC) WHERE (decided_at IS NOT NULL);

CREATE INDEX ix_task_call_id_due_by ON task USING btree (call_id, due_by, task_id) WHERE (call_id IS NOT NULL);

CREATE INDEX ix_task_ct_journey_id_due_by ON task USING btree (ct_journey_id, due_by, task_id) WHERE (ct_journey_id IS NOT NULL);

CREATE INDEX ix_task_due_by ON task USING btree (due_by, task_id);

CREATE INDEX ix_task_eap_journey_id_due_by ON task USING btree (eap_journey_id, due_by, task_id) WHERE (eap_journey_id IS NOT NULL);

CREATE INDEX ix_task_lead_id_due_by ON task USING btree (lead_id, due_by, task_id) WHERE (lead_id IS NOT NULL);

CREATE INDEX ix_task_owner_id_status_due_by ON task USING btree (owner_id, status, due_by, task_id);

CREATE INDEX ix_task_patient_id_due_by ON task USING btree (patient_id, due_by, task_id) WHERE (patient_id IS NOT NULL);

CREATE INDEX ix_task_person_id_done_at ON task USING btree (person_id, done_at DESC, task_id DESC) WHERE (done_at IS NOT NULL);

CREATE INDEX ix_task_person_id_due_by ON task USING btree (person_id, due_by, task_id);

CREATE INDEX ix_task_reports ON task USING btree (owner_id, status, due_by, task_id) WHERE ((rule)::text = 'side_effect'::text);

CREATE INDEX ix_task_status_due_by ON task USING btree (status, due_by, task_id);

CREATE INDEX ix_task_status_due_by_of_nobody ON task USING btree (status, due_by, task_id) WHERE (owner_id IS NULL);

CREATE INDEX ix_web_session_user_account_id ON web_session USING btree (user_account_id) WHERE (ended_at IS NULL);

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON procrastinate_events USING btree (job_id);

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::procrastinate_job_status, 'doing'::procrastinate_job_status]));

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::procrastinate_job_status);

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::procrastinate_job_status);

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON procrastinate_jobs USING btree (queue_name);

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::procrastinate_job_status);

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON procrastinate_periodic_defers USING btree (job_id);

CREATE UNIQUE INDEX uq_calendar_feed_current ON calendar_feed USING btree (user_account_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX uq_came_back_intake_submission_id ON came_back USING btree (intake_submission_id);

CREATE UNIQUE INDEX uq_clinical_trial_trial_id ON clinical_trial USING btree (trial_id);

CREATE UNIQUE INDEX uq_condition_code ON condition_code USING btree (medical_condition_id, system, code);

CREATE UNIQUE INDEX uq_condition_synonym_keys ON condition_synonym USING btree (name_key) NULLS NOT DISTINCT WHERE (NOT is_double);

CREATE UNIQUE INDEX uq_eap_journey_keys ON eap_journey USING btree (number_scope, eap_number_key) NULLS NOT DISTINCT WHERE (NOT is_double);

CREATE UNIQUE INDEX uq_eap_program_keys ON eap_program USING btree (name_key) NULLS NOT DISTINCT WHERE (NOT is_double);

CREATE UNIQUE INDEX uq_hospital_keys ON hospital USING btree (name_key, city_key, country) NULLS NOT DISTINCT WHERE (NOT is_double);

CREATE UNIQUE INDEX uq_medical_condition_keys ON medical_condition USING btree (name_key) NULLS NOT DISTINCT WHERE (NOT is_double);

CREATE UNIQUE INDEX uq_patient_physician_relationship_current ON patient_physician_relationship USING btree (patient_id, physician_id, relationship_type) WHERE (end_date IS NULL);

CREATE UNIQUE INDEX uq_patient_physician_relationship_primary ON patient_physician_relationship USING btree (patient_id) WHERE is_primary;

CREATE UNIQUE INDEX uq_person_departure_current ON person_departure USING btree (person_id, kind) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX uq_person_email_key ON person USING btree (email_key) WHERE (email_key IS NOT NULL);

CREATE UNIQUE INDEX uq_role_grant_current ON role_grant USING btree (user_account_id, role) WHERE (revoked_at IS NULL);

CREATE UNIQUE INDEX uq_saved_view_choice_default ON saved_view_choice USING btree (user_account_id, list_name) WHERE is_default;

CREATE UNIQUE INDEX uq_saved_view_name ON saved_view USING btree (user_account_id, list_name, lower((name)::text)) WHERE (removed_at IS NULL);

CREATE UNIQUE INDEX uq_specialization_keys ON specialization USING btree (name_key) NULLS NOT DISTINCT WHERE (NOT is_double);

CREATE UNIQUE INDEX uq_task_next_task_id ON task USING btree (next_task_id);

CREATE UNIQUE INDEX uq_user_account_email_key ON user_account USING btree (email_key) WHERE (email_key IS NOT NULL);

CREATE UNIQUE INDEX uq_working_span ON working_span USING btree (user_account_id, weekday, from_minute);

CREATE CONSTRAINT TRIGGER is_built_again AFTER INSERT ON index_set_aside DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_missing_index();

CREATE TRIGGER keep_history BEFORE UPDATE ON absence FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('absence_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON access_opening FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('access_opening_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON account_preference FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('user_account_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON api_key FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('api_key_id', 'secret_sha256');

CREATE TRIGGER keep_history BEFORE UPDATE ON call_history FOR EACH ROW EXECUTE FUNCTION keep_history('call_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON came_back FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('came_back_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON clinical_trial FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('clinical_trial_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON clinical_trial_journey FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('ct_journey_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON condition_code FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('condition_code_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON condition_synonym FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('condition_synonym_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON contact_point FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('contact_point_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON document FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('document_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON duplicate_candidate FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('duplicate_candidate_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON eap_gate FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('eap_gate_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON eap_journey FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('eap_journey_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON eap_program FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('eap_program_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON export_request FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('export_request_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON hospital FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('hospital_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON medical_condition FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('medical_condition_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON note FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('note_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON patient FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('patient_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON patient_lead FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('lead_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON patient_physician_relationship FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('patient_physician_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON person FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('person_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON person_contact_type FOR EACH ROW EXECUTE FUNCTION keep_history('person_contact_type_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON person_departure FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('person_departure_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON person_relationship FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('person_relationship_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON physician FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('physician_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON saved_view FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('saved_view_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON specialization FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('specialization_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON stage_norm FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('stage_norm_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON suggested_change FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('suggested_change_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON task FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('task_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON user_account FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('user_account_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON working_span FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('working_span_id');

CREATE TRIGGER keep_history BEFORE UPDATE ON working_week FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION keep_history('user_account_id');

CREATE TRIGGER keep_patient_order_delete AFTER DELETE ON call_history REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_delete AFTER DELETE ON clinical_trial_journey REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_delete AFTER DELETE ON eap_journey REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_insert AFTER INSERT ON call_history REFERENCING NEW TABLE AS touched FOR EACH STATEMENT WHEN ((NOT places_come_later())) EXECUTE FUNCTION place_logged_call();

CREATE TRIGGER keep_patient_order_insert AFTER INSERT ON clinical_trial_journey REFERENCING NEW TABLE AS touched FOR EACH STATEMENT WHEN ((NOT places_come_later())) EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_insert AFTER INSERT ON eap_journey REFERENCING NEW TABLE AS touched FOR EACH STATEMENT WHEN ((NOT places_come_later())) EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_insert AFTER INSERT ON patient REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION place_new_patients();

CREATE TRIGGER keep_patient_order_update AFTER UPDATE ON call_history REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_update AFTER UPDATE ON clinical_trial_journey REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_update AFTER UPDATE ON eap_journey REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_update AFTER UPDATE ON patient REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_update AFTER UPDATE OF first_name, last_name ON person FOR EACH ROW WHEN ((((old.first_name)::text IS DISTINCT FROM (new.first_name)::text) OR ((old.last_name)::text IS DISTINCT FROM (new.last_name)::text))) EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_patient_order_update AFTER UPDATE OF display_name ON user_account FOR EACH ROW WHEN (((old.display_name)::text IS DISTINCT FROM (new.display_name)::text)) EXECUTE FUNCTION keep_patient_order();

CREATE TRIGGER keep_removed BEFORE DELETE ON absence FOR EACH ROW EXECUTE FUNCTION keep_removed('absence_id');

CREATE TRIGGER keep_removed BEFORE DELETE ON condition_code FOR EACH ROW EXECUTE FUNCTION keep_removed('condition_code_id');

CREATE TRIGGER keep_removed BEFORE DELETE ON condition_synonym FOR EACH ROW EXECUTE FUNCTION keep_removed('condition_synonym_id');

CREATE TRIGGER keep_removed BEFORE DELETE ON working_span FOR EACH ROW EXECUTE FUNCTION keep_removed('working_span_id');

CREATE TRIGGER keep_search AFTER UPDATE OF first_name, last_name, middle_name, preferred_name, country, email_key, is_active, date_of_birth ON person FOR EACH ROW EXECUTE FUNCTION keep_search_of_person();

CREATE TRIGGER keep_search_marks_delete AFTER DELETE ON contact_point REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_delete AFTER DELETE ON patient REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_delete AFTER DELETE ON patient_lead REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_delete AFTER DELETE ON physician REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_insert AFTER INSERT ON contact_point REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_insert AFTER INSERT ON patient REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION add_search_marks_of_patient();

CREATE TRIGGER keep_search_marks_insert AFTER INSERT ON patient_lead REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_insert AFTER INSERT ON physician REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_update AFTER UPDATE ON contact_point REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_update AFTER UPDATE ON patient REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_update AFTER UPDATE ON patient_lead REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER keep_search_marks_update AFTER UPDATE ON physician REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION keep_search_marks();

CREATE TRIGGER note_migrated AFTER INSERT ON call_history REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('call_id');

CREATE TRIGGER note_migrated AFTER INSERT ON clinical_trial REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('clinical_trial_id');

CREATE TRIGGER note_migrated AFTER INSERT ON clinical_trial_journey REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('ct_journey_id');

CREATE TRIGGER note_migrated AFTER INSERT ON contact_point REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('contact_point_id');

CREATE TRIGGER note_migrated AFTER INSERT ON contact_type REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('contact_type_id');

CREATE TRIGGER note_migrated AFTER INSERT ON duplicate_candidate REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('duplicate_candidate_id');

CREATE TRIGGER note_migrated AFTER INSERT ON eap_journey REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('eap_journey_id');

CREATE TRIGGER note_migrated AFTER INSERT ON hospital REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('hospital_id');

CREATE TRIGGER note_migrated AFTER INSERT ON medical_condition REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('medical_condition_id');

CREATE TRIGGER note_migrated AFTER INSERT ON patient REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('patient_id');

CREATE TRIGGER note_migrated AFTER INSERT ON patient_lead REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('lead_id');

CREATE TRIGGER note_migrated AFTER INSERT ON patient_physician_relationship REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('patient_physician_id');

CREATE TRIGGER note_migrated AFTER INSERT ON person REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('person_id');

CREATE TRIGGER note_migrated AFTER INSERT ON person_contact_type REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('person_contact_type_id');

CREATE TRIGGER note_migrated AFTER INSERT ON physician REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('physician_id');

CREATE TRIGGER note_migrated AFTER INSERT ON specialization REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('specialization_id');

CREATE TRIGGER note_migrated AFTER INSERT ON suggested_change REFERENCING NEW TABLE AS made FOR EACH STATEMENT WHEN ((current_setting('crm.run'::text, true) <> ''::text)) EXECUTE FUNCTION note_migrated('suggested_change_id');

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::procrastinate_job_status))) EXECUTE FUNCTION procrastinate_notify_queue_abort_job_v1();

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::procrastinate_job_status)) EXECUTE FUNCTION procrastinate_notify_queue_job_inserted_v1();

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION procrastinate_trigger_abort_requested_events_procedure_v1();

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION procrastinate_unlink_periodic_defers_v1();

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::procrastinate_job_status))) EXECUTE FUNCTION procrastinate_trigger_function_scheduled_events_v1();

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::procrastinate_job_status)) EXECUTE FUNCTION procrastinate_trigger_function_status_events_insert_v1();

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION procrastinate_trigger_function_status_events_update_v1();

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE ON audit_event FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE ON intake_submission FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE ON journey_event FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE ON list_export FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_change BEFORE DELETE OR UPDATE ON row_history FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON intake_submission FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON journey_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON list_export FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON row_history FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE ONLY absence
    ADD CONSTRAINT fk_absence_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY access_opening
    ADD CONSTRAINT fk_access_opening_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY access_opening
    ADD CONSTRAINT fk_access_opening_reviewed_by FOREIGN KEY (reviewed_by) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY access_opening
    ADD CONSTRAINT fk_access_opening_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY account_preference
    ADD CONSTRAINT fk_account_preference_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY api_key
    ADD CONSTRAINT fk_api_key_replaced_by FOREIGN KEY (replaced_by) REFERENCES api_key(api_key_id);

ALTER TABLE ONLY api_key
    ADD CONSTRAINT fk_api_key_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY calendar_feed
    ADD CONSTRAINT fk_calendar_feed_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY call_history
    ADD CONSTRAINT fk_call_history_lead_of_person FOREIGN KEY (lead_id, person_id) REFERENCES patient_lead(lead_id, person_id);

ALTER TABLE ONLY call_history
    ADD CONSTRAINT fk_call_history_patient_of_person FOREIGN KEY (patient_id, person_id) REFERENCES patient(patient_id, person_id);

ALTER TABLE ONLY call_history
    ADD CONSTRAINT fk_call_history_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY call_history
    ADD CONSTRAINT fk_call_history_pn_id FOREIGN KEY (pn_id) REFERENCES person(person_id);

ALTER TABLE ONLY call_history
    ADD CONSTRAINT fk_call_history_rescheduled_to FOREIGN KEY (rescheduled_to) REFERENCES call_history(call_id);

ALTER TABLE ONLY call_history
    ADD CONSTRAINT fk_call_history_spoke_with_person_id FOREIGN KEY (spoke_with_person_id) REFERENCES person(person_id);

ALTER TABLE ONLY came_back
    ADD CONSTRAINT fk_came_back_intake_submission_id FOREIGN KEY (intake_submission_id) REFERENCES intake_submission(intake_submission_id);

ALTER TABLE ONLY came_back
    ADD CONSTRAINT fk_came_back_owner_id FOREIGN KEY (owner_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY came_back
    ADD CONSTRAINT fk_came_back_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY clinical_trial_journey
    ADD CONSTRAINT fk_clinical_trial_journey_clinical_trial_id FOREIGN KEY (clinical_trial_id) REFERENCES clinical_trial(clinical_trial_id);

ALTER TABLE ONLY clinical_trial_journey
    ADD CONSTRAINT fk_clinical_trial_journey_medical_condition_id FOREIGN KEY (medical_condition_id) REFERENCES medical_condition(medical_condition_id);

ALTER TABLE ONLY clinical_trial_journey
    ADD CONSTRAINT fk_clinical_trial_journey_patient_id FOREIGN KEY (patient_id) REFERENCES patient(patient_id);

ALTER TABLE ONLY clinical_trial_journey
    ADD CONSTRAINT fk_clinical_trial_journey_physician_id FOREIGN KEY (physician_id) REFERENCES physician(physician_id);

ALTER TABLE ONLY condition_code
    ADD CONSTRAINT fk_condition_code_medical_condition_id FOREIGN KEY (medical_condition_id) REFERENCES medical_condition(medical_condition_id);

ALTER TABLE ONLY condition_synonym
    ADD CONSTRAINT fk_condition_synonym_medical_condition_id FOREIGN KEY (medical_condition_id) REFERENCES medical_condition(medical_condition_id);

ALTER TABLE ONLY contact_point
    ADD CONSTRAINT fk_contact_point_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY document
    ADD CONSTRAINT fk_document_call_id FOREIGN KEY (call_id) REFERENCES call_history(call_id);

ALTER TABLE ONLY document
    ADD CONSTRAINT fk_document_ct_journey_id FOREIGN KEY (ct_journey_id) REFERENCES clinical_trial_journey(ct_journey_id);

ALTER TABLE ONLY document
    ADD CONSTRAINT fk_document_eap_journey_id FOREIGN KEY (eap_journey_id) REFERENCES eap_journey(eap_journey_id);

ALTER TABLE ONLY document_key
    ADD CONSTRAINT fk_document_key_document_version_id FOREIGN KEY (document_version_id) REFERENCES document_version(document_version_id);

ALTER TABLE ONLY document
    ADD CONSTRAINT fk_document_lead_of_person FOREIGN KEY (lead_id, person_id) REFERENCES patient_lead(lead_id, person_id);

ALTER TABLE ONLY document
    ADD CONSTRAINT fk_document_patient_of_person FOREIGN KEY (patient_id, person_id) REFERENCES patient(patient_id, person_id);

ALTER TABLE ONLY document
    ADD CONSTRAINT fk_document_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY document_version
    ADD CONSTRAINT fk_document_version_document_id FOREIGN KEY (document_id) REFERENCES document(document_id);

ALTER TABLE ONLY draft
    ADD CONSTRAINT fk_draft_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY draft
    ADD CONSTRAINT fk_draft_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY duplicate_candidate
    ADD CONSTRAINT fk_duplicate_candidate_other_person_id FOREIGN KEY (other_person_id) REFERENCES person(person_id);

ALTER TABLE ONLY duplicate_candidate
    ADD CONSTRAINT fk_duplicate_candidate_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY eap_gate
    ADD CONSTRAINT fk_eap_gate_eap_journey_id FOREIGN KEY (eap_journey_id) REFERENCES eap_journey(eap_journey_id);

ALTER TABLE ONLY eap_journey
    ADD CONSTRAINT fk_eap_journey_eap_program_id FOREIGN KEY (eap_program_id) REFERENCES eap_program(eap_program_id);

ALTER TABLE ONLY eap_journey
    ADD CONSTRAINT fk_eap_journey_medical_condition_id FOREIGN KEY (medical_condition_id) REFERENCES medical_condition(medical_condition_id);

ALTER TABLE ONLY eap_journey
    ADD CONSTRAINT fk_eap_journey_patient_id FOREIGN KEY (patient_id) REFERENCES patient(patient_id);

ALTER TABLE ONLY eap_journey
    ADD CONSTRAINT fk_eap_journey_physician_id FOREIGN KEY (physician_id) REFERENCES physician(physician_id);

ALTER TABLE ONLY export_request
    ADD CONSTRAINT fk_export_request_requested_by FOREIGN KEY (requested_by) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY held_form
    ADD CONSTRAINT fk_held_form_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY idempotency_key
    ADD CONSTRAINT fk_idempotency_key_owner_id FOREIGN KEY (owner_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY intake_submission
    ADD CONSTRAINT fk_intake_submission_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY journey_event
    ADD CONSTRAINT fk_journey_event_ct_journey_id FOREIGN KEY (ct_journey_id) REFERENCES clinical_trial_journey(ct_journey_id);

ALTER TABLE ONLY journey_event
    ADD CONSTRAINT fk_journey_event_eap_journey_id FOREIGN KEY (eap_journey_id) REFERENCES eap_journey(eap_journey_id);

ALTER TABLE ONLY journey_event
    ADD CONSTRAINT fk_journey_event_lead_id FOREIGN KEY (lead_id) REFERENCES patient_lead(lead_id);

ALTER TABLE ONLY journey_event
    ADD CONSTRAINT fk_journey_event_patient_id FOREIGN KEY (patient_id) REFERENCES patient(patient_id);

ALTER TABLE ONLY known_device
    ADD CONSTRAINT fk_known_device_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY list_export
    ADD CONSTRAINT fk_list_export_export_request_id FOREIGN KEY (export_request_id) REFERENCES export_request(export_request_id);

ALTER TABLE ONLY note
    ADD CONSTRAINT fk_note_call_id FOREIGN KEY (call_id) REFERENCES call_history(call_id);

ALTER TABLE ONLY note
    ADD CONSTRAINT fk_note_ct_journey_id FOREIGN KEY (ct_journey_id) REFERENCES clinical_trial_journey(ct_journey_id);

ALTER TABLE ONLY note
    ADD CONSTRAINT fk_note_eap_journey_id FOREIGN KEY (eap_journey_id) REFERENCES eap_journey(eap_journey_id);

ALTER TABLE ONLY note
    ADD CONSTRAINT fk_note_lead_of_person FOREIGN KEY (lead_id, person_id) REFERENCES patient_lead(lead_id, person_id);

ALTER TABLE ONLY note
    ADD CONSTRAINT fk_note_patient_of_person FOREIGN KEY (patient_id, person_id) REFERENCES patient(patient_id, person_id);

ALTER TABLE ONLY note
    ADD CONSTRAINT fk_note_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY notification_choice
    ADD CONSTRAINT fk_notification_choice_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY notification
    ADD CONSTRAINT fk_notification_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY notification
    ADD CONSTRAINT fk_notification_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY one_time_link
    ADD CONSTRAINT fk_one_time_link_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY outside_identity
    ADD CONSTRAINT fk_outside_identity_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY passkey
    ADD CONSTRAINT fk_passkey_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY password_credential
    ADD CONSTRAINT fk_password_credential_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT fk_patient_lead_converted_to_patient_id FOREIGN KEY (converted_to_patient_id) REFERENCES patient(patient_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT fk_patient_lead_duplicate_of_person_id FOREIGN KEY (duplicate_of_person_id) REFERENCES person(person_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT fk_patient_lead_intake_submission_id FOREIGN KEY (intake_submission_id) REFERENCES intake_submission(intake_submission_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT fk_patient_lead_medical_condition_id FOREIGN KEY (medical_condition_id) REFERENCES medical_condition(medical_condition_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT fk_patient_lead_owner_id FOREIGN KEY (owner_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY patient_lead
    ADD CONSTRAINT fk_patient_lead_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY patient
    ADD CONSTRAINT fk_patient_medical_condition_id FOREIGN KEY (medical_condition_id) REFERENCES medical_condition(medical_condition_id);

ALTER TABLE ONLY patient_order
    ADD CONSTRAINT fk_patient_order_patient_id FOREIGN KEY (patient_id) REFERENCES patient(patient_id) ON DELETE CASCADE;

ALTER TABLE ONLY patient
    ADD CONSTRAINT fk_patient_owner_id FOREIGN KEY (owner_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY patient
    ADD CONSTRAINT fk_patient_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY patient_physician_relationship
    ADD CONSTRAINT fk_patient_physician_relationship_patient_id FOREIGN KEY (patient_id) REFERENCES patient(patient_id);

ALTER TABLE ONLY patient_physician_relationship
    ADD CONSTRAINT fk_patient_physician_relationship_physician_id FOREIGN KEY (physician_id) REFERENCES physician(physician_id);

ALTER TABLE ONLY person_contact_type
    ADD CONSTRAINT fk_person_contact_type_contact_type_id FOREIGN KEY (contact_type_id) REFERENCES contact_type(contact_type_id);

ALTER TABLE ONLY person_contact_type
    ADD CONSTRAINT fk_person_contact_type_hospital_id FOREIGN KEY (hospital_id) REFERENCES hospital(hospital_id);

ALTER TABLE ONLY person_contact_type
    ADD CONSTRAINT fk_person_contact_type_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY person_departure
    ADD CONSTRAINT fk_person_departure_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY person_relationship
    ADD CONSTRAINT fk_person_relationship_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY person_relationship
    ADD CONSTRAINT fk_person_relationship_related_person_id FOREIGN KEY (related_person_id) REFERENCES person(person_id);

ALTER TABLE ONLY person_search
    ADD CONSTRAINT fk_person_search_person_id FOREIGN KEY (person_id) REFERENCES person(person_id) ON DELETE CASCADE;

ALTER TABLE ONLY physician
    ADD CONSTRAINT fk_physician_hospital_id FOREIGN KEY (hospital_id) REFERENCES hospital(hospital_id);

ALTER TABLE ONLY physician
    ADD CONSTRAINT fk_physician_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY physician
    ADD CONSTRAINT fk_physician_specialization_id FOREIGN KEY (specialization_id) REFERENCES specialization(specialization_id);

ALTER TABLE ONLY recovery_code
    ADD CONSTRAINT fk_recovery_code_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY role_grant
    ADD CONSTRAINT fk_role_grant_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY saved_view_choice
    ADD CONSTRAINT fk_saved_view_choice_saved_view_id FOREIGN KEY (saved_view_id) REFERENCES saved_view(saved_view_id);

ALTER TABLE ONLY saved_view_choice
    ADD CONSTRAINT fk_saved_view_choice_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY saved_view
    ADD CONSTRAINT fk_saved_view_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY suggested_change
    ADD CONSTRAINT fk_suggested_change_intake_submission_id FOREIGN KEY (intake_submission_id) REFERENCES intake_submission(intake_submission_id);

ALTER TABLE ONLY suggested_change
    ADD CONSTRAINT fk_suggested_change_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_call_id FOREIGN KEY (call_id) REFERENCES call_history(call_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_ct_journey_id FOREIGN KEY (ct_journey_id) REFERENCES clinical_trial_journey(ct_journey_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_eap_journey_id FOREIGN KEY (eap_journey_id) REFERENCES eap_journey(eap_journey_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_lead_of_person FOREIGN KEY (lead_id, person_id) REFERENCES patient_lead(lead_id, person_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_next_task_id FOREIGN KEY (next_task_id) REFERENCES task(task_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_owner_id FOREIGN KEY (owner_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_patient_of_person FOREIGN KEY (patient_id, person_id) REFERENCES patient(patient_id, person_id);

ALTER TABLE ONLY task
    ADD CONSTRAINT fk_task_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY totp_credential
    ADD CONSTRAINT fk_totp_credential_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY user_account
    ADD CONSTRAINT fk_user_account_person_id FOREIGN KEY (person_id) REFERENCES person(person_id);

ALTER TABLE ONLY web_session
    ADD CONSTRAINT fk_web_session_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY working_span
    ADD CONSTRAINT fk_working_span_user_account_id FOREIGN KEY (user_account_id) REFERENCES working_week(user_account_id);

ALTER TABLE ONLY working_week
    ADD CONSTRAINT fk_working_week_user_account_id FOREIGN KEY (user_account_id) REFERENCES user_account(user_account_id);

ALTER TABLE ONLY procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES procrastinate_jobs(id) ON DELETE CASCADE;

ALTER TABLE ONLY procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES procrastinate_workers(id) ON DELETE SET NULL;

ALTER TABLE ONLY procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES procrastinate_jobs(id);

INSERT INTO alembic_version VALUES ('0076_spoken_with_index');
