-- What notes every change to what can be read, in the change's own transaction. All run as whoever makes the change,
-- under row-level security; a transition table holds exactly the rows of the statement.

-- name: footnote_note_chunks
-- INSERT and DELETE: both name their transition table "changed".
CREATE FUNCTION footnote_note_chunks() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
    SELECT touched.tenant_id, gen_random_uuid(), touched.collection_id, 1
      FROM (SELECT DISTINCT tenant_id, collection_id FROM changed) AS touched;
    IF TG_OP = 'DELETE' THEN
        -- Erased text must not live on in kept answers.
        DELETE FROM inference_cacheentry e USING (
            SELECT c.tenant_id, c.id FROM inference_cacheentry c
             WHERE EXISTS (SELECT FROM changed g WHERE g.tenant_id = c.tenant_id AND g.collection_id = ANY (c.collection_ids))
             ORDER BY c.id FOR UPDATE) AS kept
         WHERE e.tenant_id = kept.tenant_id AND e.id = kept.id;
    END IF;
    RETURN NULL;
END $$;

-- name: footnote_note_chunk_updates
CREATE FUNCTION footnote_note_chunk_updates() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
    SELECT touched.tenant_id, gen_random_uuid(), touched.collection_id, 1
      FROM (SELECT tenant_id, collection_id FROM changed UNION SELECT tenant_id, collection_id FROM before) AS touched;
    IF EXISTS (SELECT FROM before b JOIN changed c ON c.tenant_id = b.tenant_id AND c.id = b.id WHERE c.text <> b.text) THEN
        DELETE FROM inference_cacheentry e USING (
            SELECT c.tenant_id, c.id FROM inference_cacheentry c
             WHERE EXISTS (SELECT FROM before g WHERE g.tenant_id = c.tenant_id AND g.collection_id = ANY (c.collection_ids))
             ORDER BY c.id FOR UPDATE) AS kept
         WHERE e.tenant_id = kept.tenant_id AND e.id = kept.id;
    END IF;
    RETURN NULL;
END $$;

-- name: footnote_note_documents
-- Everything that a document says of itself counts, also columns yet to come; where it is on its way does not.
CREATE FUNCTION footnote_note_documents() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE ignored constant text[] := ARRAY['state', 'reason_code', 'reason', 'remedy', 'pages', 'chunks', 'updated_at', 'media_type'];
BEGIN
    INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
    SELECT touched.tenant_id, gen_random_uuid(), touched.collection_id, 1
      FROM (SELECT b.tenant_id, unnest(ARRAY[b.collection_id, c.collection_id]) AS collection_id
              FROM before b JOIN changed c ON c.tenant_id = b.tenant_id AND c.id = b.id
             WHERE to_jsonb(b) - ignored IS DISTINCT FROM to_jsonb(c) - ignored
            GROUP BY 1, 2) AS touched;
    RETURN NULL;
END $$;

-- name: footnote_note_collections
CREATE FUNCTION footnote_note_collections() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
    SELECT b.tenant_id, gen_random_uuid(), b.id, 1
      FROM before b JOIN changed c ON c.tenant_id = b.tenant_id AND c.id = b.id
     WHERE to_jsonb(b) - 'average_length' IS DISTINCT FROM to_jsonb(c) - 'average_length';
    RETURN NULL;
END $$;

-- name: footnote_note_spaces
-- Another space of vectors finds other passages, in every collection of the tenant.
CREATE FUNCTION footnote_note_spaces() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
    SELECT DISTINCT ON (b.tenant_id) b.tenant_id, gen_random_uuid(), NULL::uuid, 1
      FROM before b JOIN changed c ON c.tenant_id = b.tenant_id AND c.id = b.id WHERE c.state <> b.state;
    RETURN NULL;
END $$;

-- name: triggers
CREATE TRIGGER note_inserts AFTER INSERT ON ingestion_chunk
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_chunks();
CREATE TRIGGER note_deletes AFTER DELETE ON ingestion_chunk
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_chunks();
CREATE TRIGGER note_updates AFTER UPDATE ON ingestion_chunk
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_chunk_updates();
CREATE TRIGGER note_updates AFTER UPDATE ON ingestion_document
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_documents();
CREATE TRIGGER note_updates AFTER UPDATE ON ingestion_collection
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_collections();
CREATE TRIGGER note_updates AFTER UPDATE ON ingestion_embeddingspace
    REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION footnote_note_spaces();
