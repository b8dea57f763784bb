"""The queue in the database: threads are leased, runs are their mail.

Locks are always taken in this order: workers, tenants, threads, runs.
"""
