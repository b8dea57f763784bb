"""Key rings to test encryption with."""

from trunkline.runtime.storage.checkpoints.keyring import Keyring

OLD = Keyring(current="2026-05", keys={"2026-05": b"o" * 32})
BOTH = Keyring(current="2026-11", keys={"2026-05": b"o" * 32, "2026-11": b"n" * 32})
"""After the old key was replaced, before it is taken away."""

NEW = Keyring(current="2026-11", keys={"2026-11": b"n" * 32})
OLD_STILL = Keyring(current="2026-05", keys=BOTH.keys)
"""Another process at the same time, which has not been told yet to write with the new one."""
