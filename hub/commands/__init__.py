"""Commands: what people and systems want done, kept until it is surely done or surely not."""
