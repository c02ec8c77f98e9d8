"""One module a process: each reads the settings, builds its parts and runs until it is told to stop."""
