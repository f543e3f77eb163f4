"""What an account holds and owes: double entry, positions, margin, what it can afford and what it is worth."""
