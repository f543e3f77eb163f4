"""What is owned and how it came about: seasons, accounts, orders, fills, ledger, standings."""
