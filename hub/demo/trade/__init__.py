"""What both ERPs do all day, in the names and codes of either."""
