"""Accounts and roles in the web (ACC-4, ACC-5, ACC-6, ACC-8): what a change means for calls, keys and pages."""
