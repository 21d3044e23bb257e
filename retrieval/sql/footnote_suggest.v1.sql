-- name: footnote_suggest
-- Completions for a search box in the current tenant, as the current principal: words that begin with `word_key` (those of
-- most passages first), and titles of which some part begins with `title_key`. Keys are folded (ingestion.lexical.typed);
-- NULL leaves a kind out. Only from collections in `wanted` (NULL: all but private ones) that the principal may read.
--
-- Owned by footnote_search (BYPASSRLS) like the search itself, because a policy keeps the prefix from the index; so
-- isolation is by hand: each table is filtered by `tenant`, and nothing is given out without a witness, a passage or a
-- document that is current and that the principal may read at this moment.
CREATE FUNCTION footnote_suggest(word_key text, title_key text, wanted uuid[], most integer)
RETURNS TABLE (kind text, shown text, document_id uuid, external_id text, weight bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    tenant   constant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    groups   constant uuid[] := COALESCE(NULLIF(current_setting('app.reader_groups', true), ''), '{}');
    all_read constant boolean := COALESCE(current_setting('app.reads_all', true) = 'on', false);
    chosen   uuid[];
    word_end  constant text := word_key || chr(1114111);
    title_end constant text := title_key || chr(1114111);
BEGIN
    IF tenant IS NULL THEN
        RETURN;
    END IF;

    -- Uses index: ingestion_collection_pkey
    SELECT array_agg(c.id) INTO chosen
      FROM ingestion_collection c
     WHERE c.tenant_id = tenant
       AND (c.id = ANY (wanted) OR (wanted IS NULL AND c.private_to IS NULL))
       AND (all_read OR c.reader_groups = '{}' OR c.reader_groups && groups);
    IF chosen IS NULL THEN
        RETURN;
    END IF;

    -- Uses index: suggestion_prefix, ingestion_document_pkey
    RETURN QUERY
    WITH candidates AS MATERIALIZED (
        SELECT s.witnesses[1] AS document, s.key, s.weight
          FROM ingestion_suggestion s
         WHERE s.tenant_id = tenant AND s.kind = 'title' AND s.key >= title_key AND s.key < title_end
           AND s.collection_id = ANY (chosen)
           AND (all_read OR cardinality(s.reader_groups) = 0 OR s.reader_groups && groups)
         ORDER BY s.key
         LIMIT 10 * most
    ), documents AS (
        SELECT DISTINCT ON (d.id) d.id, d.title::text AS title, d.external_id::text AS external, c.weight
          FROM candidates c
          JOIN ingestion_document d ON d.tenant_id = tenant AND d.id = c.document
         WHERE d.deleted_at IS NULL AND d.current_version_id IS NOT NULL AND d.collection_id = ANY (chosen)
           AND (all_read OR cardinality(d.reader_groups) = 0 OR d.reader_groups && groups)
         ORDER BY d.id, c.weight
    )
    SELECT 'title', d.title, d.id, d.external, d.weight::bigint
      FROM documents d
     ORDER BY d.weight > 0, d.title, d.id
     LIMIT most;

    -- Uses index: suggestion_prefix, ingestion_lexicalentry_pkey
    RETURN QUERY
    WITH best AS MATERIALIZED (
        SELECT s.key, s.shown, s.weight, s.witnesses
          FROM ingestion_suggestion s
         WHERE s.tenant_id = tenant AND s.kind = 'word' AND s.key >= word_key AND s.key < word_end
           AND s.collection_id = ANY (chosen)
           AND (all_read OR cardinality(s.reader_groups) = 0 OR s.reader_groups && groups)
         ORDER BY s.weight DESC, s.key
         LIMIT 10 * most
    ), borne AS (
        SELECT b.key, b.shown, b.weight
          FROM best b
         WHERE EXISTS (SELECT FROM ingestion_lexicalentry e
                        WHERE e.tenant_id = tenant AND e.id = ANY (b.witnesses) AND e.valid_to IS NULL
                          AND e.collection_id = ANY (chosen)
                          AND (all_read OR cardinality(e.reader_groups) = 0 OR e.reader_groups && groups))
    )
    SELECT 'word', (array_agg(b.shown::text ORDER BY b.weight DESC, b.shown))[1], NULL::uuid, NULL::text, sum(b.weight)
      FROM borne b
     GROUP BY b.key
     ORDER BY 5 DESC, b.key
     LIMIT most;
END
$$;
