"""How the nearest documents are found: which way, by which statement, and what float32 cannot tell."""
