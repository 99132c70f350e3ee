"""What synthetic issues are made of: facts and how people put them, prose, other languages."""
