"""Projects as a user would write them, on the public API alone."""
