"""Export and import of accounts (ACC-4, ACC-8): `jobs` does the work, `views` asks for it."""
