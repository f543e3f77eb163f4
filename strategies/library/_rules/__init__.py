"""Rules that several strategies share: each a group of keys for a config, and what follows from them.

A rule is a frozen struct with its defaults; a strategy that wants others says so in its own
config: ``breaker: Breaker = Breaker(losses=2)``. What a rule must remember lies in the
strategy's state under the rule's name, so that it survives a restart and needs no set-up.
Sizes are in the account's currency, percentages in percent.
"""
