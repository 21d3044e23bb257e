-- name: ancestors
-- A document and what it was found in, nearest first, with hash and size of their newest bytes. At most one row a level.
WITH RECURSIVE line (id, parent_id, level) AS (
    SELECT id, parent_id, 0 FROM ingestion_document WHERE tenant_id = %(tenant)s AND id = %(document)s
    UNION ALL
    SELECT d.id, d.parent_id, line.level + 1
      FROM line JOIN ingestion_document d ON d.tenant_id = %(tenant)s AND d.id = line.parent_id
     WHERE line.level < 10
)
SELECT line.id, newest.sha256, newest.size
  FROM line
  LEFT JOIN LATERAL (SELECT v.sha256, v.size FROM ingestion_documentversion v
                      WHERE v.tenant_id = %(tenant)s AND v.document_id = line.id ORDER BY v.number DESC LIMIT 1) newest ON true
 ORDER BY line.level

-- name: kin
-- How many documents were found inside one, at any depth, and their bytes. Uses index: document_parts
WITH RECURSIVE kin (id, level) AS (
    SELECT id, 1 FROM ingestion_document WHERE tenant_id = %(tenant)s AND parent_id = %(root)s
    UNION ALL
    SELECT d.id, kin.level + 1
      FROM kin JOIN ingestion_document d ON d.tenant_id = %(tenant)s AND d.parent_id = kin.id
     WHERE kin.level < 10
)
SELECT count(*), COALESCE(sum((SELECT v.size FROM ingestion_documentversion v
                                WHERE v.tenant_id = %(tenant)s AND v.document_id = kin.id
                                ORDER BY v.number DESC LIMIT 1)), 0)::bigint
  FROM kin
