-- name: due
-- Tenants with documents to follow: at once when nobody works on documents, else when the first has waited long.
-- Uses index: ingestion_suggestiondue_pkey, run_leased
SELECT d.tenant_id FROM ingestion_suggestiondue d
 GROUP BY d.tenant_id
HAVING NOT EXISTS (SELECT FROM ingestion_ingestionrun r WHERE r.lease_until IS NOT NULL)
    OR uuid_extract_timestamp((array_agg(d.id ORDER BY d.id))[1]) < now() - make_interval(secs => %(patience)s)
 ORDER BY d.tenant_id

-- name: tenants
SELECT id FROM tenants_tenant ORDER BY id

-- name: lock
-- One at a time in a tenant; free again with the transaction.
SELECT pg_try_advisory_xact_lock(hashtextextended('suggestions ' || %(tenant)s::text, 0))

-- name: take
-- Uses index: ingestion_suggestiondue_pkey
DELETE FROM ingestion_suggestiondue
 WHERE tenant_id = %(tenant)s
   AND id = ANY (ARRAY(SELECT id FROM ingestion_suggestiondue WHERE tenant_id = %(tenant)s ORDER BY id LIMIT %(most)s))
RETURNING document_id

-- name: documents
-- Of those that changed, what can be found, and whether it is shared: nobody is helped to find what a member attached.
-- Uses index: ingestion_document_pkey, ingestion_collection_pkey
SELECT d.id, d.current_version_id, d.collection_id, c.language, d.title, d.reader_groups, c.private_to IS NULL
  FROM ingestion_document d
  JOIN ingestion_collection c ON c.tenant_id = d.tenant_id AND c.id = d.collection_id
 WHERE d.tenant_id = %(tenant)s AND d.id = ANY (%(ids)s) AND d.deleted_at IS NULL AND d.current_version_id IS NOT NULL
 ORDER BY d.id

-- name: passages
-- Uses index: chunk_order
SELECT id, ordinal, text FROM ingestion_chunk
 WHERE tenant_id = %(tenant)s AND version_id = %(version)s AND ordinal > %(after)s
 ORDER BY ordinal LIMIT %(most)s

-- name: forget
-- Uses index: ingestion_suggestion_pkey
DELETE FROM ingestion_suggestion WHERE tenant_id = %(tenant)s AND id = ANY (%(ids)s)

-- name: forget_words
-- Words of which only these passages were witnesses: a scan of the collections' words.
DELETE FROM ingestion_suggestion
 WHERE tenant_id = %(tenant)s AND collection_id = ANY (%(collections)s) AND kind = 'word' AND witnesses <@ %(chunks)s::uuid[]

-- name: settle
-- Few rows, read whole: the task empties the table.
DELETE FROM ingestion_suggestiondue WHERE tenant_id = %(tenant)s AND document_id = ANY (%(documents)s)

-- name: keep
-- The newest witnesses stay. Uses index: ingestion_suggestion_pkey
INSERT INTO ingestion_suggestion AS s
       (tenant_id, id, kind, collection_id, key, shown, weight, witnesses, reader_groups)
SELECT %(tenant)s, r.id, r.kind, r.collection, r.key, r.shown, r.weight, r.witnesses, r.groups
  FROM jsonb_to_recordset(%(rows)s) AS r (
       id uuid, kind text, collection uuid, key text, shown text, weight int, witnesses uuid[], groups uuid[])
    ON CONFLICT (tenant_id, id) DO UPDATE
   SET weight = s.weight + EXCLUDED.weight, witnesses = (EXCLUDED.witnesses || s.witnesses)[1:%(witnesses)s]

-- name: sweep
-- What no current passage or document bears out. Uses index: ingestion_lexicalentry_pkey, ingestion_document_pkey
DELETE FROM ingestion_suggestion s
 WHERE s.tenant_id = %(tenant)s
   AND CASE s.kind
       WHEN 'word' THEN NOT EXISTS (
            SELECT FROM ingestion_lexicalentry e
             WHERE e.tenant_id = %(tenant)s AND e.id = ANY (s.witnesses) AND e.valid_to IS NULL)
       ELSE NOT EXISTS (
            SELECT FROM ingestion_document d
             WHERE d.tenant_id = %(tenant)s AND d.id = s.witnesses[1] AND d.current_version_id IS NOT NULL) END
