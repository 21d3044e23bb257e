-- name: due
-- Tenants with enough that is unmerged, with a stale window, or with many chunks that are gone from their windows: what the
-- windows were built with, less what is current and merged. Uses index: lexical_unmerged, term_count_publications
WITH unmerged AS (
    SELECT tenant_id, count(*) AS entries FROM ingestion_lexicalentry
     WHERE valid_to IS NULL AND slot IS NULL GROUP BY tenant_id
), current AS (
    SELECT tenant_id, sum(documents) AS entries FROM ingestion_termcount WHERE dimension = 0 GROUP BY tenant_id
), built AS (
    SELECT tenant_id, sum(entries) AS entries, bool_or(stale) AS stale FROM ingestion_postingswindow GROUP BY tenant_id
)
SELECT t.id
  FROM tenants_tenant t
  LEFT JOIN unmerged u ON u.tenant_id = t.id
  LEFT JOIN current c ON c.tenant_id = t.id
  LEFT JOIN built b ON b.tenant_id = t.id
 WHERE u.entries >= %(least)s OR b.stale
    OR COALESCE(c.entries, 0) - COALESCE(u.entries, 0) < %(lively)s * b.entries
 ORDER BY t.id

-- name: lock
-- One at a time in a tenant; free again with the transaction.
SELECT pg_try_advisory_xact_lock(hashtextextended('postings ' || %(tenant)s::text, 0))

-- name: unmerged
-- Uses index: lexical_unmerged
SELECT count(*) FROM ingestion_lexicalentry WHERE tenant_id = %(tenant)s AND valid_to IS NULL AND slot IS NULL

-- name: windows
-- Uses index: lexical_slot, ingestion_postingswindow_pkey
SELECT w.number, w.first_slot, w.slots, w.entries, w.stale,
       (SELECT count(*) FROM ingestion_lexicalentry e
         WHERE e.tenant_id = %(tenant)s AND e.slot >= w.first_slot AND e.slot < w.first_slot + w.slots
           AND e.valid_to IS NULL)
  FROM ingestion_postingswindow w
 WHERE w.tenant_id = %(tenant)s
 ORDER BY w.number

-- name: merged_entries
-- Uses index: lexical_slot
SELECT id, collection_id, weights::text FROM ingestion_lexicalentry
 WHERE tenant_id = %(tenant)s AND slot >= %(first)s AND slot < %(end)s AND valid_to IS NULL

-- name: new_entries
-- Uses index: lexical_unmerged
SELECT id, collection_id, weights::text FROM ingestion_lexicalentry
 WHERE tenant_id = %(tenant)s AND valid_to IS NULL AND slot IS NULL
 ORDER BY collection_id
 LIMIT %(most)s

-- name: next_place
-- Neither number nor slot is ever used again: closed chunks keep theirs.
SELECT COALESCE((SELECT max(number) FROM ingestion_postingswindow WHERE tenant_id = %(tenant)s), 0) + 1,
       GREATEST((SELECT max(first_slot + slots) FROM ingestion_postingswindow WHERE tenant_id = %(tenant)s),
                (SELECT max(slot) + 1 FROM ingestion_lexicalentry WHERE tenant_id = %(tenant)s AND slot IS NOT NULL), 0)

-- name: drop_postings
-- Uses index: ingestion_posting_pkey
DELETE FROM ingestion_posting WHERE tenant_id = %(tenant)s AND id >= %(first)s AND id < %(last)s

-- name: drop_window
DELETE FROM ingestion_postingswindow WHERE tenant_id = %(tenant)s AND number = %(number)s

-- name: insert_postings
INSERT INTO ingestion_posting (tenant_id, id, impacts)
SELECT %(tenant)s, r.id, r.impacts::sparsevec FROM unnest(%(ids)s::uuid[], %(impacts)s::text[]) AS r (id, impacts)

-- name: give_slots
-- Rows that somebody is changing keep what they have, so that nobody waits here for long.
WITH free AS (
    SELECT id FROM ingestion_lexicalentry
     WHERE tenant_id = %(tenant)s AND id = ANY (%(ids)s::uuid[]) AND valid_to IS NULL
       FOR UPDATE SKIP LOCKED
), placed AS (
    UPDATE ingestion_lexicalentry e SET slot = r.slot
      FROM unnest(%(ids)s::uuid[], %(slots)s::int[]) AS r (id, slot)
      JOIN free USING (id)
     WHERE e.tenant_id = %(tenant)s AND e.id = r.id
    RETURNING 1
)
SELECT count(*) FROM placed

-- name: left_behind
-- Uses index: lexical_slot
SELECT EXISTS (SELECT FROM ingestion_lexicalentry
                WHERE tenant_id = %(tenant)s AND slot >= %(first)s AND slot < %(end)s AND valid_to IS NULL)

-- name: insert_window
INSERT INTO ingestion_postingswindow (tenant_id, id, number, first_slot, slots, entries, collection_ids, stale, built_at)
VALUES (%(tenant)s, %(id)s, %(number)s, %(first)s, %(slots)s, %(entries)s, %(collections)s, %(stale)s, now())

-- name: outdate
UPDATE ingestion_postingswindow SET stale = true
 WHERE tenant_id = %(tenant)s AND collection_ids @> ARRAY[%(collection)s::uuid] AND NOT stale
