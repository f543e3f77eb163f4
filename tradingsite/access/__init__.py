"""Who may read and change what: roles, permissions, tokens, share links."""
