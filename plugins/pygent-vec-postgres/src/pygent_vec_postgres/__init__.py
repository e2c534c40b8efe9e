"""The PostgreSQL backend of pygent-vec."""
