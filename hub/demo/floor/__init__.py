"""What both warehouses do all day, in the names and codes of either."""
