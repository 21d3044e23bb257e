-- name: due
-- Spaces that nobody is filling, those that waited longest first. Looks across tenants, as the operator.
-- Uses index: space_filling
SELECT tenant_id, id FROM ingestion_embeddingspace
 WHERE state = 'filling' AND paused_at IS NULL AND (lease_until IS NULL OR lease_until < now())
 ORDER BY lease_until NULLS FIRST LIMIT 20

-- name: lease
-- Without a token the time is only that of the next look: whoever wants to look earlier may.
UPDATE ingestion_embeddingspace SET lease_until = now() + %(lease)s, lease_token = %(token)s
 WHERE tenant_id = %(tenant)s AND id = %(space)s AND state = 'filling' AND paused_at IS NULL
   AND (lease_token IS NULL OR lease_until < now() OR lease_token = %(token)s)
RETURNING specification, cursor, completed_at

-- name: release
-- The time of the next look; a space that is complete is looked at for what has been published since.
UPDATE ingestion_embeddingspace
   SET lease_until = now() + %(pause)s, lease_token = NULL, cursor = %(cursor)s, reason = %(reason)s,
       completed_at = CASE WHEN %(complete)s THEN %(began)s ELSE completed_at END
 WHERE tenant_id = %(tenant)s AND id = %(space)s AND lease_token = %(token)s

-- name: count_in
UPDATE ingestion_embeddingspace
   SET filled = filled + %(filled)s, seconds = seconds + %(seconds)s, cost_usd = cost_usd + %(cost)s,
       shortened = shortened + %(shortened)s
 WHERE tenant_id = %(tenant)s AND id = %(space)s

-- name: lacking
-- Versions with passages that have no vector in the space, from the cursor on. Superseded ones count: search goes back in time.
-- Uses index: ingestion_documentversion_pkey, chunk_order, ingestion_embedding_pkey
SELECT v.id, d.title
  FROM ingestion_documentversion v
  JOIN ingestion_document d ON d.tenant_id = v.tenant_id AND d.id = v.document_id
 WHERE v.tenant_id = %(tenant)s AND v.id > %(cursor)s AND v.valid_from IS NOT NULL
   AND EXISTS (SELECT FROM ingestion_chunk c
                WHERE c.tenant_id = v.tenant_id AND c.version_id = v.id
                  AND NOT EXISTS (SELECT FROM ingestion_embedding e
                                   WHERE e.tenant_id = c.tenant_id AND e.space_id = %(space)s AND e.id = c.id))
 ORDER BY v.id LIMIT %(most)s

-- name: lacking_since
-- The same for passages made lately: what a complete space is kept complete by.
-- Uses index: ingestion_chunk_pkey, ingestion_embedding_pkey
SELECT DISTINCT v.id, d.title
  FROM ingestion_chunk c
  JOIN ingestion_documentversion v ON v.tenant_id = c.tenant_id AND v.id = c.version_id
  JOIN ingestion_document d ON d.tenant_id = v.tenant_id AND d.id = v.document_id
 WHERE c.tenant_id = %(tenant)s AND c.id >= %(since)s
   AND NOT EXISTS (SELECT FROM ingestion_embedding e
                    WHERE e.tenant_id = c.tenant_id AND e.space_id = %(space)s AND e.id = c.id)
 ORDER BY v.id LIMIT %(most)s

-- name: passages
-- Uses index: chunk_order, ingestion_embedding_pkey
SELECT c.id, c.span_start, c.span_end, c.heading_path, c.text
  FROM ingestion_chunk c
 WHERE c.tenant_id = %(tenant)s AND c.version_id = %(version)s
   AND NOT EXISTS (SELECT FROM ingestion_embedding e
                    WHERE e.tenant_id = c.tenant_id AND e.space_id = %(space)s AND e.id = c.id)
 ORDER BY c.ordinal

-- name: lock_document
-- Whoever closes, restricts or erases passages locks their document; the vectors take what the passages say then.
SELECT d.id FROM ingestion_document d
  JOIN ingestion_documentversion v ON v.tenant_id = d.tenant_id AND v.document_id = d.id
 WHERE d.tenant_id = %(tenant)s AND v.id = %(version)s
   FOR SHARE OF d

-- name: insert_vectors
-- Nothing for a passage that has gone meanwhile, or for a space that is being dropped.
INSERT INTO ingestion_embedding (tenant_id, id, space_id, collection_id, version_id, vector, reader_groups, valid_from, valid_to)
SELECT c.tenant_id, c.id, s.id, c.collection_id, c.version_id, r.vector, c.reader_groups, c.valid_from, c.valid_to
  FROM unnest(%(ids)s::uuid[], %(vectors)s::halfvec[]) AS r (id, vector)
  JOIN ingestion_chunk c ON c.tenant_id = %(tenant)s AND c.id = r.id
  JOIN ingestion_embeddingspace s ON s.tenant_id = %(tenant)s AND s.id = %(space)s AND s.state <> 'retired'
ON CONFLICT (tenant_id, space_id, id) DO NOTHING
