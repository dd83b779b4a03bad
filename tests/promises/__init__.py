"""Promise → control → test: the register is checked both ways."""
