"""What programs and agents ask: a chain of reasoning's scores as plain data, and an MCP server."""
