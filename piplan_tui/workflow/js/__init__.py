"""JavaScript workflow scripts: read, checked and compiled here, run by an embedded engine without any door out."""
