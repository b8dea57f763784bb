"""The contenders of `run_queue.py`: each serves the same jobs from a queue on PostgreSQL."""
