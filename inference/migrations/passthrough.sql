-- The lean way to a model: one round trip before the call, one after it. Owned by footnote_search.

-- name: footnote_calls
-- For each ask: who the key is, which model is meant, and what the call may take. An ask is as for footnote_admit_one,
-- with key_hash (hex), scope, model (a name, or provider/name), environment (whether the operator's own model has that
-- name) and version (of the model's row as the caller knows it). A model that the caller does not know, or no longer,
-- is described instead, and nothing is taken. Uses indexes: api_key_by_hash, inference_model_pkey.
CREATE FUNCTION footnote_calls(asks jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    one jsonb; k record; m record; told jsonb := '[]'; answer jsonb; version text; place integer := 0;
    tenants uuid[]; keys jsonb := '[]';
BEGIN
    FOR one IN SELECT * FROM jsonb_array_elements(asks) LOOP
        SELECT * INTO k FROM footnote_key(decode(one->>'key_hash', 'hex'));
        keys := keys || jsonb_build_array(CASE WHEN k.tenant_id IS NULL THEN '{}' ELSE to_jsonb(k) END);
        IF k.tenant_id IS NOT NULL AND (one->'api_rate'->>0 IS NOT NULL OR footnote_is_bounded(k.tenant_id)) THEN
            tenants := tenants || k.tenant_id;
        END IF;
    END LOOP;
    IF tenants IS NOT NULL THEN PERFORM footnote_account_lock(tenants); END IF;
    FOR one IN SELECT * FROM jsonb_array_elements(asks) LOOP
        SELECT * INTO k FROM jsonb_to_record(keys->place) AS (tenant_id uuid, key_id uuid, role text, scopes text[]);
        place := place + 1;
        IF k.tenant_id IS NULL THEN
            told := told || '[{"status": "unauthenticated"}]'; CONTINUE;
        ELSIF NOT one->>'scope' = ANY (k.scopes) THEN
            told := told || '[{"status": "forbidden"}]'; CONTINUE;
        END IF;
        SELECT d.name, d.context_window, d.tier, d.input_price, d.cached_price, d.output_price, p.name AS provider,
               p.base_url, p.encrypted_key, p.length_parameter, p.reports_usage, d.xmin::text || ':' || p.xmin AS version
          INTO m
          FROM inference_model d JOIN inference_provider p ON p.tenant_id = d.tenant_id AND p.id = d.provider_id
         WHERE d.tenant_id = k.tenant_id AND d.enabled AND p.enabled AND d.kind = 'chat' AND p.protocol = 'openai'
           AND (d.name = one->>'model' OR p.name || '/' || d.name = one->>'model')
         ORDER BY d.is_default DESC, d.created_at, d.id LIMIT 1;
        version := CASE WHEN m.name IS NOT NULL THEN m.version WHEN (one->>'environment')::boolean THEN 'environment' END;
        IF version IS NULL THEN
            answer := '{"status": "no_model"}';
        ELSIF one->>'version' IS DISTINCT FROM version THEN
            answer := jsonb_build_object('status', 'model', 'version', version, 'row', CASE WHEN m.name IS NOT NULL
                THEN to_jsonb(m) || jsonb_build_object('encrypted_key', encode(m.encrypted_key, 'hex')) END);
        ELSE
            answer := footnote_admit_one(k.tenant_id, one || jsonb_build_object('key', k.key_id,
                'model', coalesce(m.name, one->>'model'), 'provider', coalesce(m.provider, 'environment')));
        END IF;
        told := told || jsonb_build_array(answer || jsonb_build_object('tenant', k.tenant_id, 'key', k.key_id,
                                                                       'role', k.role));
    END LOOP;
    RETURN told;
END $$;

-- name: footnote_settle_calls
-- The ledger's rows as footnote_settle writes them, and each call's trace with its spans, in one transaction.
CREATE FUNCTION footnote_settle_calls(entries jsonb) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE warnings jsonb := footnote_settle(entries);
BEGIN
    INSERT INTO traces_trace (tenant_id, id, trace_id, name, feature, api_key_id, outcome, question, answer, model,
                              input_tokens, output_tokens, cost_usd, started_at, duration_ms)
    SELECT t.tenant, gen_random_uuid(), t.trace_id, t.name, t.feature, t.key, t.outcome, t.question, t.answer, t.model,
           t.input_tokens, t.output_tokens, t.cost, t.started_at, t.duration_ms
      FROM jsonb_array_elements(entries) e,
           jsonb_to_record(e->'trace') AS t(tenant uuid, trace_id text, name text, feature text, key uuid, outcome text,
               question text, answer text, model text, input_tokens int, output_tokens int, cost numeric,
               started_at timestamptz, duration_ms float8)
     WHERE e->'trace' IS NOT NULL;
    INSERT INTO traces_span (tenant_id, id, trace_id, span_id, parent_span_id, name, kind, outcome, started_at,
                             duration_ms, attributes)
    SELECT s.tenant, gen_random_uuid(), s.trace_id, s.span_id, s.parent, s.name, s.kind, s.outcome, s.started_at,
           s.duration_ms, s.attributes
      FROM jsonb_array_elements(entries) e, jsonb_array_elements(e->'spans') x,
           jsonb_to_record(x) AS s(tenant uuid, trace_id text, span_id text, parent text, name text, kind text,
               outcome text, started_at timestamptz, duration_ms float8, attributes jsonb);
    RETURN warnings;
END $$;
