"""The database: tables, migrations, and everything that is kept in it. The home of SQLAlchemy."""
