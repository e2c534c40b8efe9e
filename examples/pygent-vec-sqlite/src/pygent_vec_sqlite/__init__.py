"""The SQLite backend of pygent-vec."""
