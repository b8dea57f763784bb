"""${message}

Phase: expand.
"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
# "contract" is for what a process of the release before cannot run beside. It has a line above the release more:
# completes = "0004", the expand of an older release that it ends.
phase = "expand"
release = ""


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
