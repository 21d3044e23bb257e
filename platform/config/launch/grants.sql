-- What the roles may do inside one database; run by roles.bootstrap, repeatable. Grants on tables are default
-- privileges of the owner, so that a new table needs none; there is no GRANT ON ALL TABLES in here, because migrations
-- take rights away again (partitions, the audit trail) and this script must not give them back.

REVOKE ALL ON DATABASE :database FROM PUBLIC;
GRANT CONNECT ON DATABASE :database TO footnote_owner, footnote_app, footnote_operator, footnote_backup, footnote_queue;
GRANT TEMPORARY ON DATABASE :database TO footnote_owner, footnote_operator;
-- Compiling a query takes longer than running one of ours.
ALTER DATABASE :database SET jit = off;

ALTER SCHEMA public OWNER TO footnote_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO footnote_app, footnote_operator, footnote_backup, footnote_search;
-- A function can only be given to a role that could have made it.
GRANT CREATE ON SCHEMA public TO footnote_search;
CREATE EXTENSION IF NOT EXISTS vector SCHEMA public;

-- The owner may hand functions to footnote_search and replace them later. BYPASSRLS does not come with membership.
GRANT footnote_search TO footnote_owner WITH INHERIT TRUE, SET TRUE;
-- Reading without exception is what makes a dump complete.
GRANT pg_read_all_data TO footnote_backup;

ALTER DEFAULT PRIVILEGES FOR ROLE footnote_owner, footnote_search REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE footnote_owner, footnote_search IN SCHEMA public
  GRANT EXECUTE ON FUNCTIONS TO footnote_app, footnote_operator;
ALTER DEFAULT PRIVILEGES FOR ROLE footnote_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO footnote_app, footnote_operator;
ALTER DEFAULT PRIVILEGES FOR ROLE footnote_owner IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO footnote_app, footnote_operator;
ALTER DEFAULT PRIVILEGES FOR ROLE footnote_owner IN SCHEMA public GRANT SELECT ON TABLES TO footnote_search;

-- A forgotten transaction holds back vacuum for everybody.
ALTER ROLE footnote_app IN DATABASE :database SET idle_in_transaction_session_timeout = '5min';
ALTER ROLE footnote_operator IN DATABASE :database SET idle_in_transaction_session_timeout = '15min';
