"""Which markets an account watches: the rules of selection, and who was a member when. Pure."""
