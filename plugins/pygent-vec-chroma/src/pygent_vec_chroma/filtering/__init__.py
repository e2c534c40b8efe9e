"""How filters are answered: what Chroma is asked, how well it answers, and what that leaves to ids."""
