"""How collections lie in a database: names and columns, the catalogue, and its migrations."""
