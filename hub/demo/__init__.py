"""Six demo systems that behave like foreign ones; they import nothing of the hub."""
