"""Universe: which markets an account watches, by which rules, and who was a member when. Pure."""
