"""Larkfield Home: the service desk of a retailer that does not exist, and what `trunkline demo` runs."""
