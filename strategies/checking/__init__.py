"""Does a strategy keep the contract? Read, rehearsed in processes of its own, and told in one line a check."""
