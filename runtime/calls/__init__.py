"""What people decide on calls: requests, decisions, and how they reach the conversation. Imports storage and below."""
