"""Settings, files and where their values came from."""
