"""The typed tools that a language model calls: over libraries, by id, bounded, read-only. MCP serves them; so may anything else."""
