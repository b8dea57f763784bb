"""`trunkline chaos` on a PostgreSQL server of its own: `make chaos ARGS="--seconds 300 --contacts 300"`."""

import asyncio
import sys

from stand_ins.databases import postgres_database, postgres_server
from trunkline.runtime.cli.app import execute
from trunkline.runtime.storage.database import upgrade_database

if __name__ == "__main__":
    with postgres_server() as server, postgres_database(server) as url:
        asyncio.run(upgrade_database(url))
        code = execute(["chaos", "--database", url, *sys.argv[1:]])
    sys.exit(code)
