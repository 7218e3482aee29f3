"""Who is there, and what may they do: accounts, sessions, tokens, rights."""
