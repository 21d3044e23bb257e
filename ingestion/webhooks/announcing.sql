-- name: announce
-- The payload is made here, since it tells the state of this transaction and of no other moment.
-- What a member has attached for themselves is told to nobody.
INSERT INTO ingestion_webhookdelivery (tenant_id, id, endpoint_id, event, payload, state, attempts, error)
SELECT e.tenant_id, uuidv7(), e.id, %(event)s,
       jsonb_build_object(
           'type', %(event)s::text, 'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'data', jsonb_build_object(
               'id', d.id, 'external_id', d.external_id, 'title', d.title, 'collection', c.slug, 'state', d.state,
               'reason_code', d.reason_code, 'reason', d.reason, 'remedy', d.remedy, 'pages', d.pages, 'chunks', d.chunks,
               'version', (SELECT v.number FROM ingestion_documentversion v
                            WHERE v.tenant_id = d.tenant_id AND v.id = d.current_version_id))),
       'waiting', 0, ''
  FROM ingestion_webhookendpoint e
  JOIN ingestion_document d ON d.tenant_id = e.tenant_id AND d.id = ANY(%(documents)s)
  JOIN ingestion_collection c ON c.tenant_id = d.tenant_id AND c.id = d.collection_id
 WHERE e.tenant_id = %(tenant)s AND e.is_active AND (e.events = '{}' OR %(event)s = ANY(e.events))
   AND (%(state)s::text IS NULL OR d.state = %(state)s)
   AND c.private_to IS NULL
