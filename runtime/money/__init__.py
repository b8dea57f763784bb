"""What model calls use and cost."""
