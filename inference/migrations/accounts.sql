-- Money and rates: what a call may take before it is made, and what it took afterwards. Owned by footnote_search
-- (NOLOGIN, BYPASSRLS); the runtime role can only read the tables behind it, so that nothing else moves an amount.
--
-- One advisory lock per tenant serialises its admissions and settlements; a batch takes the locks of its tenants in
-- order, so that two batches cannot wait for each other.

-- name: footnote_account_lock
CREATE FUNCTION footnote_account_lock(tenants uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE one uuid;
BEGIN
    FOR one IN SELECT DISTINCT t FROM unnest(tenants) t ORDER BY t LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('footnote account ' || one, 0));
    END LOOP;
END $$;

-- name: footnote_subject
-- Whom a limit of this scope counts: '' is the whole tenant, NULL nobody (a call without a user).
CREATE FUNCTION footnote_subject(scope text, ask jsonb) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE scope WHEN 'tenant' THEN '' WHEN 'user' THEN ask->>'user' WHEN 'key' THEN ask->>'key'
                      WHEN 'feature' THEN ask->>'feature' WHEN 'model' THEN ask->>'model' END
$$;

-- name: footnote_period_start
CREATE FUNCTION footnote_period_start(period text) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT CASE period WHEN 'total' THEN '1970-01-01'::date
                       ELSE date_trunc(period, clock_timestamp() AT TIME ZONE 'UTC')::date END
$$;

-- name: footnote_release_expired
-- Calls whose process died: their reservation and their place are given back, and the ledger says so with a row.
-- Without a tenant: of all tenants (the reconciler's work). Uses index: reservation_lease.
CREATE FUNCTION footnote_release_expired(asked uuid DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE r record; released integer := 0; overdue uuid[];
BEGIN
    SELECT array_agg(DISTINCT tenant_id) INTO overdue FROM inference_reservation
     WHERE lease_until < clock_timestamp() AND (asked IS NULL OR tenant_id = asked);
    IF overdue IS NULL THEN RETURN 0; END IF;
    PERFORM footnote_account_lock(overdue);
    FOR r IN DELETE FROM inference_reservation
              WHERE lease_until < clock_timestamp() AND tenant_id = ANY (overdue) RETURNING * LOOP
        UPDATE inference_budgetcounter SET reserved_usd = reserved_usd - r.amount_usd
         WHERE tenant_id = r.tenant_id AND id = ANY (r.counters);
        UPDATE inference_ratemeter SET in_flight = greatest(0, in_flight - 1)
         WHERE tenant_id = r.tenant_id AND id = ANY (r.slots);
        INSERT INTO inference_modelcall (tenant_id, id, created_at, operation, feature, provider, model, user_id,
            api_key_id, trace_id, span_id, attempts, outcome, error_code, finish_reason, input_tokens, cached_tokens,
            output_tokens, cost_usd, latency_ms, degraded, collections, route, candidate_reason, cache, saved_usd,
            guards, reservation_id, charged, excess_usd)
        VALUES (r.tenant_id, gen_random_uuid(), clock_timestamp(), r.operation, r.feature, r.provider, r.model,
            r.user_id, r.api_key_id, '', '', 1, 'error', 'abandoned', '', 0, 0, 0, 0,
            extract(epoch FROM clock_timestamp() - r.created_at) * 1000, '', '{}', '', '', '', 0, '{}', r.id,
            r.counters, 0);
        released := released + 1;
    END LOOP;
    RETURN released;
END $$;

-- name: footnote_warning
CREATE FUNCTION footnote_warning(c inference_budgetcounter) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('tenant', c.tenant_id, 'budget', c.budget_id, 'subject', c.subject, 'percent', c.warned,
        'spent', c.spent_usd::text, 'limit', c.limit_usd::text, 'period_start', c.period_start)
$$;

-- name: footnote_admit_one
-- Rates first, then money; nothing is taken unless everything may be. Callers hold the tenant's lock.
-- ask: id, user, key, feature, model, provider, operation, tokens (estimate of the prompt), least, want (USD), share
-- (of what is left, the most that an open-ended call takes), api_rate [amount, seconds] or null.
CREATE FUNCTION footnote_admit_one(t uuid, ask jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    l record; b record; refused jsonb; told jsonb := '{}'; seen timestamptz := clock_timestamp();
    spend double precision; room double precision; behind double precision; used double precision; wait double precision;
    meters uuid[] := '{}'; meter_spend double precision[] := '{}'; slots uuid[] := '{}'; token_meters uuid[] := '{}';
    counters uuid[] := '{}'; budgets uuid[] := '{}'; available numeric; unspent numeric; tightest jsonb; granted numeric;
    least_usd numeric := (ask->>'least')::numeric; want_usd numeric := (ask->>'want')::numeric;
    reservation uuid; counter uuid; tight uuid; place integer; warning jsonb;
BEGIN
    FOR l IN
        SELECT x.*, m.id AS meter, m.tat, coalesce(m.in_flight, 0) AS in_flight
          FROM (SELECT r.id, r.name::text, r.scope::text, r.measure::text, r.amount::float8, r.seconds::float8,
                       footnote_subject(r.scope, ask) AS subject
                  FROM inference_ratelimit r
                 WHERE r.tenant_id = t AND r.enabled
                   AND (r.scope = 'tenant' OR footnote_subject(r.scope, ask) = coalesce(nullif(r.subject, ''),
                                                                                  footnote_subject(r.scope, ask)))
                UNION ALL
                SELECT '00000000-0000-0000-0000-000000000001', 'API', 'key', 'requests', (ask->'api_rate'->>0)::float8,
                       (ask->'api_rate'->>1)::float8, ask->>'key'
                 WHERE ask->'api_rate'->>0 IS NOT NULL AND ask->>'key' IS NOT NULL) x
          LEFT JOIN inference_ratemeter m ON m.tenant_id = t AND m.limit_id = x.id AND m.subject = x.subject
         ORDER BY x.id
    LOOP
        counter := l.meter;
        IF counter IS NULL THEN
            INSERT INTO inference_ratemeter (tenant_id, id, limit_id, subject, tat, in_flight)
            VALUES (t, gen_random_uuid(), l.id, l.subject, seen, 0)
            ON CONFLICT (tenant_id, limit_id, subject) DO UPDATE SET subject = excluded.subject
            RETURNING id INTO counter;
        END IF;
        IF l.measure = 'concurrent' THEN
            IF l.in_flight >= l.amount THEN
                refused := jsonb_build_object('name', l.name, 'measure', l.measure, 'limit', l.amount, 'wait', 1);
            END IF;
            slots := slots || counter;
            CONTINUE;
        END IF;
        -- A bucket that holds `amount` and refills in `seconds`; tat is when it is full again.
        spend := CASE l.measure WHEN 'requests' THEN 1 ELSE (ask->>'tokens')::float8 END;
        behind := greatest(0, extract(epoch FROM coalesce(l.tat, seen) - seen));
        -- A prompt larger than the whole bucket may pass once the bucket is full.
        used := behind + least(spend, l.amount) * l.seconds / l.amount;
        wait := used - l.seconds;
        IF wait > 1e-6 THEN
            IF refused IS NULL OR wait > (refused->>'wait')::float8 THEN
                refused := jsonb_build_object('name', l.name, 'measure', l.measure, 'limit', l.amount,
                                              'seconds', l.seconds, 'wait', wait);
            END IF;
            room := floor((l.seconds - behind) * l.amount / l.seconds + 1e-6);
        ELSE
            room := floor((l.seconds - used) * l.amount / l.seconds + 1e-6);
        END IF;
        used := behind + spend * l.seconds / l.amount;
        IF told->l.measure IS NULL OR (told->l.measure->>1)::float8 > room THEN
            told := told || jsonb_build_object(l.measure, jsonb_build_array(l.amount, greatest(0, room),
                                               CASE WHEN wait > 1e-6 THEN behind ELSE used END, l.seconds));
        END IF;
        meters := meters || counter;
        meter_spend := meter_spend || used;
        IF l.measure = 'tokens' THEN token_meters := token_meters || counter; END IF;
    END LOOP;
    IF refused IS NOT NULL THEN
        RETURN jsonb_build_object('status', 'limited', 'refused', refused, 'rates', told);
    END IF;

    IF want_usd > 0 THEN
        FOR attempt IN 1..2 LOOP
            counters := '{}'; budgets := '{}'; available := NULL; tightest := NULL;
            FOR b IN
                SELECT x.*, c.id AS counter, coalesce(c.spent_usd, 0) AS spent, coalesce(c.reserved_usd, 0) AS reserved
                  FROM (SELECT g.id, g.name::text, g.at_limit::text, g.period::text, g.limit_usd,
                               footnote_subject(g.scope, ask) AS subject, footnote_period_start(g.period) AS began
                          FROM inference_budget g
                         WHERE g.tenant_id = t AND g.enabled
                           AND (g.scope = 'tenant' OR footnote_subject(g.scope, ask) = coalesce(nullif(g.subject, ''),
                                                                                  footnote_subject(g.scope, ask)))) x
                  LEFT JOIN inference_budgetcounter c ON c.tenant_id = t AND c.budget_id = x.id
                        AND c.period_start = x.began AND c.subject = x.subject
                 ORDER BY x.id
            LOOP
                counter := b.counter;
                IF counter IS NULL THEN
                    INSERT INTO inference_budgetcounter (tenant_id, id, budget_id, subject, period_start, limit_usd,
                                                         spent_usd, reserved_usd, warned)
                    VALUES (t, gen_random_uuid(), b.id, b.subject, b.began, b.limit_usd, 0, 0, 0)
                    RETURNING id INTO counter;
                END IF;
                counters := counters || counter;
                budgets := budgets || b.id;
                IF available IS NULL OR b.limit_usd - b.spent - b.reserved < available THEN
                    available := b.limit_usd - b.spent - b.reserved;
                    unspent := b.limit_usd - b.spent;
                    tight := counter;
                    tightest := jsonb_build_object('name', b.name, 'period', b.period, 'at_limit', b.at_limit,
                                                   'limit', b.limit_usd::text, 'spent', b.spent::text);
                END IF;
            END LOOP;
            EXIT WHEN available IS NULL OR least_usd <= available OR attempt = 2;
            EXIT WHEN footnote_release_expired(t) = 0;
        END LOOP;
        IF available < least_usd AND least_usd <= unspent THEN
            RETURN jsonb_build_object('status', 'busy', 'rates', told, 'budget', tightest);
        ELSIF available < least_usd THEN
            -- What is left buys nothing any more: that is the end of this budget, whatever the last cents say.
            UPDATE inference_budgetcounter c SET warned = 100 WHERE tenant_id = t AND id = tight AND warned < 100
            RETURNING footnote_warning(c) INTO warning;
            RETURN jsonb_build_object('status', 'exhausted', 'rates', told, 'budget', tightest, 'warning', warning);
        END IF;
        granted := CASE WHEN available IS NOT NULL THEN least(want_usd,
            greatest(least_usd, trunc(available * (ask->>'share')::numeric, 8))) END;
    END IF;

    FOR place IN 1..cardinality(meters) LOOP
        UPDATE inference_ratemeter SET tat = seen + make_interval(secs => meter_spend[place])
         WHERE tenant_id = t AND id = meters[place];
    END LOOP;
    IF cardinality(slots) > 0 THEN
        UPDATE inference_ratemeter SET in_flight = in_flight + 1 WHERE tenant_id = t AND id = ANY (slots);
    END IF;
    IF cardinality(counters) > 0 THEN
        -- The limit travels along: what holds is the one under which money was last reserved.
        UPDATE inference_budgetcounter c SET reserved_usd = c.reserved_usd + granted, limit_usd = g.limit_usd
          FROM inference_budget g
         WHERE c.tenant_id = t AND c.id = ANY (counters) AND g.tenant_id = t AND g.id = c.budget_id;
    END IF;
    IF cardinality(counters) > 0 OR cardinality(slots) > 0 THEN
        reservation := (ask->>'id')::uuid;
        INSERT INTO inference_reservation (tenant_id, id, created_at, lease_until, amount_usd, counters, slots,
                                           operation, feature, provider, model, user_id, api_key_id)
        VALUES (t, reservation, seen, seen + interval '30 seconds', coalesce(granted, 0), counters, slots,
                ask->>'operation', ask->>'feature', ask->>'provider', ask->>'model', (ask->>'user')::uuid,
                (ask->>'key')::uuid);
    END IF;
    RETURN jsonb_build_object('status', 'ok', 'reservation', reservation, 'granted', granted::text,
        'counters', to_jsonb(counters), 'token_meters', to_jsonb(token_meters), 'rates', told);
END $$;

-- name: footnote_admit
-- In a scope, for its tenant alone.
CREATE FUNCTION footnote_admit(t uuid, ask jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF nullif(current_setting('app.tenant_id', true), '')::uuid <> t THEN
        RAISE EXCEPTION 'a call of another tenant than the scope''s';
    END IF;
    IF NOT footnote_is_bounded(t) AND ask->'api_rate'->>0 IS NULL THEN
        RETURN '{"status": "ok", "reservation": null, "counters": [], "token_meters": [], "rates": {}}';
    END IF;
    PERFORM footnote_account_lock(ARRAY[t]);
    RETURN footnote_admit_one(t, ask);
END $$;

-- name: footnote_settle
-- Appends the ledger's rows, and moves what was reserved to what was spent, in one transaction. Each entry is a row of
-- the ledger with `counters`, `token_meters` and `tokens` of its admission. A provider that bills more than was
-- reserved is paid from what the budget has left; the rest is on the row as excess. Returns the budgets that passed
-- 50, 80 or 100 per cent.
CREATE FUNCTION footnote_settle(entries jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    e jsonb; t uuid; held numeric; paid numeric; excess numeric; room numeric; charged uuid[]; slots uuid[];
    kept record; w record; warnings jsonb := '[]'; bound uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
    PERFORM footnote_account_lock(ARRAY(SELECT (x->>'tenant')::uuid FROM jsonb_array_elements(entries) x
        WHERE x->>'reservation' IS NOT NULL OR jsonb_array_length(x->'token_meters') > 0));
    FOR e IN SELECT * FROM jsonb_array_elements(entries) LOOP
        t := (e->>'tenant')::uuid;
        IF bound <> t THEN RAISE EXCEPTION 'an entry of another tenant than the scope''s'; END IF;
        paid := (e->>'cost')::numeric; excess := 0; charged := '{}';
        IF e->>'reservation' IS NOT NULL THEN
            DELETE FROM inference_reservation WHERE tenant_id = t AND id = (e->>'reservation')::uuid
            RETURNING amount_usd, counters, inference_reservation.slots INTO kept;
            IF FOUND THEN
                held := kept.amount_usd; charged := kept.counters;
                IF cardinality(kept.slots) > 0 THEN
                    UPDATE inference_ratemeter SET in_flight = greatest(0, in_flight - 1)
                     WHERE tenant_id = t AND id = ANY (kept.slots);
                END IF;
            ELSE
                -- The lease ran out while the call went on: it is charged all the same.
                held := 0; charged := ARRAY(SELECT x::uuid FROM jsonb_array_elements_text(e->'counters') x);
            END IF;
            IF paid > held AND cardinality(charged) > 0 THEN
                SELECT coalesce(min(limit_usd - spent_usd - reserved_usd), 0) INTO room FROM inference_budgetcounter
                 WHERE tenant_id = t AND id = ANY (charged);
                excess := greatest(0, paid - held - greatest(0, room));
                paid := paid - excess;
            END IF;
            IF cardinality(charged) > 0 THEN
                FOR w IN
                    UPDATE inference_budgetcounter c
                       SET reserved_usd = c.reserved_usd - held, spent_usd = c.spent_usd + paid,
                           warned = greatest(c.warned, CASE WHEN c.spent_usd + paid >= c.limit_usd THEN 100
                               WHEN c.spent_usd + paid >= c.limit_usd * 0.8 THEN 80
                               WHEN c.spent_usd + paid >= c.limit_usd * 0.5 THEN 50 ELSE 0 END)
                     WHERE c.tenant_id = t AND c.id = ANY (charged)
                    RETURNING old.warned AS before, new.warned AS after, footnote_warning(c) AS warning
                LOOP
                    IF w.after > w.before THEN
                        warnings := warnings || w.warning;
                    END IF;
                END LOOP;
            END IF;
        END IF;
        IF jsonb_array_length(e->'token_meters') > 0 THEN
            -- What the prompt was taken to be was counted before; the difference to what was used follows now.
            UPDATE inference_ratemeter m
               SET tat = greatest(m.tat, clock_timestamp()) + make_interval(secs => l.seconds::float8 / l.amount
                       * ((e->>'input_tokens')::int + (e->>'output_tokens')::int - (e->>'tokens')::int))
              FROM inference_ratelimit l
             WHERE m.tenant_id = t AND m.id IN (SELECT x::uuid FROM jsonb_array_elements_text(e->'token_meters') x)
               AND l.tenant_id = t AND l.id = m.limit_id;
        END IF;
        INSERT INTO inference_modelcall (tenant_id, id, created_at, operation, feature, provider, model, user_id,
            api_key_id, trace_id, span_id, attempts, outcome, error_code, finish_reason, input_tokens, cached_tokens,
            output_tokens, cost_usd, latency_ms, first_token_ms, degraded, conversation_id, collections,
            prompt_version_id, route, candidate_reason, cache, saved_usd, guards, reservation_id, charged, excess_usd)
        SELECT t, r.id, coalesce(r.created_at, clock_timestamp()), r.operation, r.feature, r.provider, r.model,
            r."user", r.key, r.trace_id, r.span_id, r.attempts, r.outcome, r.error_code, r.finish_reason,
            r.input_tokens, r.cached_tokens, r.output_tokens, paid, r.latency_ms, r.first_token_ms, r.degraded,
            r.conversation_id, r.collections, r.prompt_version_id, r.route, r.candidate_reason, r.cache, r.saved,
            r.guards, r.reservation, charged, excess
          FROM jsonb_to_record(e) AS r(id uuid, created_at timestamptz, operation text, feature text, provider text,
            model text, "user" uuid, key uuid, trace_id text, span_id text, attempts smallint, outcome text,
            error_code text, finish_reason text, input_tokens int, cached_tokens int, output_tokens int,
            latency_ms float8, first_token_ms float8, degraded text, conversation_id uuid, collections uuid[],
            prompt_version_id uuid, route text, candidate_reason text, cache text, saved numeric, guards jsonb,
            reservation uuid);
    END LOOP;
    RETURN warnings;
END $$;

-- name: footnote_renew
-- The process that makes these calls is alive.
CREATE FUNCTION footnote_renew(tenants uuid[], calls uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE renewed integer;
BEGIN
    UPDATE inference_reservation r SET lease_until = clock_timestamp() + interval '30 seconds'
      FROM unnest(tenants, calls) AS held (t, call) WHERE r.tenant_id = held.t AND r.id = held.call;
    GET DIAGNOSTICS renewed = ROW_COUNT;
    RETURN renewed;
END $$;

-- name: footnote_is_bounded
-- Whether the tenant has any budget or limit: without, a call costs no lock and no reservation.
CREATE FUNCTION footnote_is_bounded(t uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM inference_budget WHERE tenant_id = t AND enabled)
        OR EXISTS (SELECT FROM inference_ratelimit WHERE tenant_id = t AND enabled)
$$;

-- name: footnote_throttle
-- One request of a key against the API's own rate: (allowed, remaining, seconds until allowed, seconds until full).
CREATE FUNCTION footnote_throttle(t uuid, key uuid, amount float8, seconds float8)
RETURNS TABLE (allowed boolean, remaining float8, wait float8, full_in float8)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE seen timestamptz := clock_timestamp(); behind float8; used float8;
BEGIN
    INSERT INTO inference_ratemeter AS m (tenant_id, id, limit_id, subject, tat, in_flight)
    VALUES (t, gen_random_uuid(), '00000000-0000-0000-0000-000000000001', key::text, seen, 0)
    ON CONFLICT (tenant_id, limit_id, subject) DO UPDATE SET subject = excluded.subject
    RETURNING greatest(0, extract(epoch FROM m.tat - seen)) INTO behind;
    used := behind + seconds / amount;
    allowed := used <= seconds + 1e-6;
    IF allowed THEN
        UPDATE inference_ratemeter m SET tat = seen + make_interval(secs => used)
         WHERE m.tenant_id = t AND m.limit_id = '00000000-0000-0000-0000-000000000001' AND m.subject = key::text;
    END IF;
    remaining := greatest(0, floor((seconds - CASE WHEN allowed THEN used ELSE behind END) * amount / seconds + 1e-6));
    wait := greatest(0, used - seconds);
    full_in := CASE WHEN allowed THEN used ELSE behind END;
    RETURN NEXT;
END $$;
