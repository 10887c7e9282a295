"""What the hub is told from outside: settings from the environment, systems from a YAML file."""
