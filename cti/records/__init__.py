"""Records of calls: from the switch's files to the database, each exactly once (docs/records.md)."""
