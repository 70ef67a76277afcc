"""What a chapter reports: its numbers, claims, tables and figures."""
