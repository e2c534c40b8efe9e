"""The Chroma backend of pygent-vec."""
