-- name: cited_versions
-- Uses index: chunk_order, chat_citation_chunk_id_idx
SELECT DISTINCT k.version_id
  FROM ingestion_chunk k
  JOIN chat_citation c ON c.tenant_id = k.tenant_id AND c.chunk_id = k.id
  JOIN chat_message m ON m.tenant_id = c.tenant_id AND m.id = c.message_id
  JOIN chat_conversation v ON v.tenant_id = m.tenant_id AND v.id = m.conversation_id
 WHERE k.tenant_id = %(tenant)s AND k.version_id = ANY(%(versions)s) AND v.deleted_at IS NULL

-- name: release_citations
-- Uses index: chat_citation_chunk_id_idx
UPDATE chat_citation SET chunk_id = NULL, quote = '', title = ''
 WHERE tenant_id = %(tenant)s AND chunk_id = ANY(%(chunks)s)
RETURNING message_id

-- name: wipe_nearest
-- Reads all answers of the tenant: erasing is rare, and must miss nothing.
UPDATE chat_message m
   SET details = jsonb_set(m.details, '{nearest}', (
       SELECT COALESCE(jsonb_agg(e) FILTER (WHERE NOT (e ->> 'document_id') = ANY(%(documents)s)), '[]')
         FROM jsonb_array_elements(m.details -> 'nearest') AS e))
 WHERE m.tenant_id = %(tenant)s AND m.author = 'assistant'
   AND jsonb_path_query_array(m.details, '$.nearest[*].document_id') ?| %(documents)s::text[]
RETURNING m.id

-- name: wipe_events
-- Uses index: message_event_once
UPDATE chat_messageevent v
   SET payload = v.payload
       || CASE WHEN v.payload ? 'nearest' THEN jsonb_build_object('nearest', (
              SELECT COALESCE(jsonb_agg(e) FILTER (WHERE NOT (e ->> 'document_id') = ANY(%(documents)s)), '[]')
                FROM jsonb_array_elements(v.payload -> 'nearest') AS e)) ELSE '{}' END
       || CASE WHEN v.payload ? 'citations' THEN jsonb_build_object('citations', (
              SELECT COALESCE(jsonb_agg(CASE WHEN (e ->> 'document_id') = ANY(%(documents)s)
                                             THEN e || '{"quote": "", "title": "", "external_id": ""}' ELSE e END), '[]')
                FROM jsonb_array_elements(v.payload -> 'citations') AS e)) ELSE '{}' END
 WHERE v.tenant_id = %(tenant)s AND v.message_id = ANY(%(messages)s) AND v.kind IN ('found', 'completed')
