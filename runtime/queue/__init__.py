"""The queue of runs in the words of the domain: what is submitted, how a run stands, who may write for it.

It imports nothing of the storage, which keeps the queue, nor of the workers, which serve it.
"""
