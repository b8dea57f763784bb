"""Processes that run graphs: how they claim runs, show that they live, notice who does not, and stop.

It uses the queue in `runtime.storage`; nothing below imports it.
"""
