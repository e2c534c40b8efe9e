"""Documents, vectors and their integrity on disk."""
