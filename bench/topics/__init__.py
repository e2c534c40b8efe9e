"""The topics: what is measured of every contestant alike."""
