-- As in generations.sql; an answer without collections is from any of the tenant's.

CREATE OR REPLACE FUNCTION footnote_note_chunks() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
    SELECT touched.tenant_id, gen_random_uuid(), touched.collection_id, 1
      FROM (SELECT DISTINCT tenant_id, collection_id FROM changed) AS touched;
    IF TG_OP = 'DELETE' THEN
        -- Erased text must not live on in kept answers.
        DELETE FROM inference_cacheentry e USING (
            SELECT c.tenant_id, c.id FROM inference_cacheentry c
             WHERE EXISTS (SELECT FROM changed g WHERE g.tenant_id = c.tenant_id
                             AND (c.collection_ids = '{}' OR g.collection_id = ANY (c.collection_ids)))
             ORDER BY c.id FOR UPDATE) AS kept
         WHERE e.tenant_id = kept.tenant_id AND e.id = kept.id;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION footnote_note_chunk_updates() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
    SELECT touched.tenant_id, gen_random_uuid(), touched.collection_id, 1
      FROM (SELECT tenant_id, collection_id FROM changed UNION SELECT tenant_id, collection_id FROM before) AS touched;
    IF EXISTS (SELECT FROM before b JOIN changed c ON c.tenant_id = b.tenant_id AND c.id = b.id WHERE c.text <> b.text) THEN
        DELETE FROM inference_cacheentry e USING (
            SELECT c.tenant_id, c.id FROM inference_cacheentry c
             WHERE EXISTS (SELECT FROM before g WHERE g.tenant_id = c.tenant_id
                             AND (c.collection_ids = '{}' OR g.collection_id = ANY (c.collection_ids)))
             ORDER BY c.id FOR UPDATE) AS kept
         WHERE e.tenant_id = kept.tenant_id AND e.id = kept.id;
    END IF;
    RETURN NULL;
END $$;

