"""How processes wake and tell each other. The home of Redis and NATS. Imports storage and below."""
