-- name: pace
-- What the open runs and those that ended in the window have done in it. A run that began before the window counts by
-- the part of its time that lies in it, so that one long document says something before it has ended.
-- Uses index: run_open, run_finished
WITH seen AS (
    SELECT document_id, chunks, chunks_done, started_at, finished_at, lease_until
      FROM ingestion_ingestionrun
     WHERE tenant_id = %(tenant)s AND state NOT IN ('ready', 'failed')
    UNION ALL
    SELECT document_id, chunks, chunks, started_at, finished_at, NULL
      FROM ingestion_ingestionrun
     WHERE tenant_id = %(tenant)s AND finished_at >= now() - %(window)s AND state IN ('ready', 'failed')
), here AS (
    SELECT s.*, COALESCE(s.finished_at, now()) AS until
      FROM seen s
      JOIN ingestion_document d ON d.tenant_id = %(tenant)s AND d.id = s.document_id
     WHERE d.collection_id = ANY(%(collections)s) AND d.deleted_at IS NULL
)
SELECT count(*) FILTER (WHERE finished_at IS NOT NULL) AS finished,
       count(*) FILTER (WHERE lease_until IS NOT NULL) AS under_way,
       count(*) FILTER (WHERE finished_at IS NULL) AS open,
       count(*) FILTER (WHERE finished_at IS NULL AND chunks = 0) AS unmeasured,
       COALESCE(sum(chunks - chunks_done) FILTER (WHERE finished_at IS NULL), 0)::float8 AS chunks_left,
       (COALESCE(avg(chunks) FILTER (WHERE finished_at IS NOT NULL), avg(NULLIF(chunks, 0))))::float8 AS usual,
       COALESCE(sum(chunks_done
           * EXTRACT(EPOCH FROM until - GREATEST(started_at, now() - %(window)s))
           / GREATEST(EXTRACT(EPOCH FROM until - started_at), 0.001)), 0)::float8 AS chunks,
       LEAST(EXTRACT(EPOCH FROM now() - min(started_at)), EXTRACT(EPOCH FROM %(window)s))::float8 AS seconds
  FROM here
