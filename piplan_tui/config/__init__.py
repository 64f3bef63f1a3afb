"""What the user chose: settings from the config file, the environment and flags, and the file's tables."""
