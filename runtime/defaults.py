"""What holds where nothing is said."""

DEFAULT_DATABASE = "sqlite:///trunkline.db"
