"""What a database says of its own tables, to the letter: columns, defaults, indexes, constraints."""

from sqlalchemy import Connection, text

_SQLITE = """
WITH tables AS (SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name <> 'trunkline_version')
SELECT tables.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk || ifnull(c.dflt_value, '')
FROM tables, pragma_table_info(tables.name) c
UNION ALL SELECT name || ' WITHOUT ROWID' FROM tables WHERE sql LIKE '%WITHOUT ROWID'
UNION ALL SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
UNION ALL SELECT tables.name || ' ' || i.origin || ' ' || group_concat(c.name)
FROM tables, pragma_index_list(tables.name) i, pragma_index_info(i.name) c GROUP BY tables.name, i.name
UNION ALL SELECT tables.name || '.' || "from" || ' to ' || "table" || '.' || "to"
FROM tables, pragma_foreign_key_list(tables.name)
"""
_POSTGRESQL = """
WITH tables AS (
    SELECT c.oid, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = :schema AND c.relkind = 'r' AND c.relname <> 'trunkline_version'
)
SELECT format('%s.%s %s %s %s', relname, attname, format_type(atttypid, atttypmod),
              CASE WHEN attnotnull THEN 'NOT NULL' END, pg_get_expr(adbin, adrelid))
FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL SELECT pg_get_indexdef(indexrelid) FROM tables JOIN pg_index ON indrelid = oid
UNION ALL SELECT format('%s %s %s', relname, conname, pg_get_constraintdef(pg_constraint.oid))
FROM tables JOIN pg_constraint ON conrelid = tables.oid
"""


def catalogue(connection: Connection, schema: str = "public") -> list[str]:
    """Return a line for each thing in the schema, without the schema's name."""
    if connection.dialect.name == "sqlite":
        return sorted(connection.execute(text(_SQLITE)).scalars())
    found = connection.execute(text(_POSTGRESQL), {"schema": schema}).scalars()
    return sorted(line.replace(f"{schema}.", "") for line in found)
