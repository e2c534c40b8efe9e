"""Other people's libraries, each in a program and an environment of its own."""
