"""What a search spends beside its lists: where to look is planned once, fewer candidates are looked up, and the last
statement enters the partitioned tables four times instead of seven.

Searches of this version need it: migrate before the code is new, and back after the code is old again.
"""

from django.db import migrations

from retrieval.statements import inner, pinned, statement

SEARCH = (
    "footnote_search(halfvec, uuid, integer[], integer[], double precision, uuid[], uuid[], timestamptz,"
    " integer, integer)"
)
SLOTS = "footnote_slots(uuid, uuid[], integer[], double precision[], double precision, integer)"
WORDS = (
    "footnote_words(sparsevec, integer[], double precision[], double precision, uuid, uuid[], uuid[], boolean,"
    " uuid[], integer)"
)
SCORES = "footnote_scores(halfvec, uuid, sparsevec, uuid, uuid)"
PLACE = "footnote_place(uuid, uuid[], boolean)"


def again(file: str, name: str) -> str:
    """The function, in place of the one before: its rows have the same form."""
    return statement(file, name).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


FORWARD = f"""
    {statement("footnote_place.v1.sql", "footnote_place")}
    REVOKE ALL ON FUNCTION {PLACE} FROM PUBLIC, footnote_operator;
    GRANT EXECUTE ON FUNCTION {PLACE} TO footnote_app;
    {inner(statement("footnote_scores.v1.sql", "footnote_scores"), SCORES)}
    {inner(again("footnote_slots.v2.sql", "footnote_slots"), SLOTS)}
    {inner(again("footnote_words.v2.sql", "footnote_words"), WORDS)}
    {pinned(again("footnote_search.v16.sql", "footnote_search"), SEARCH)}
"""
BACKWARD = f"""
    {pinned(again("footnote_search.v15.sql", "footnote_search"), SEARCH)}
    {inner(again("footnote_words.v1.sql", "footnote_slots"), SLOTS)}
    {inner(again("footnote_words.v1.sql", "footnote_words"), WORDS)}
    DROP FUNCTION {SCORES};
    DROP FUNCTION {PLACE};
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0017_search_function_v15")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
