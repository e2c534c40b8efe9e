"""The FAISS backend of pygent-vec."""
