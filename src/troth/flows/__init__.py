"""What a person or an operator can do: one function, one story, one transaction."""
