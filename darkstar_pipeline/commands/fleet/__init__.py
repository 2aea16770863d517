"""`darkstar fleet …`: one module a command."""
