"""Fetch files once, verified, into the cache."""
