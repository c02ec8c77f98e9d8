"""The real switch's configuration, rendered from the settings."""
