"""Live connections: who is listening, and from which position of the stream."""
