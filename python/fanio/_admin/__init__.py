"""The server's part of the admin UI: its namespace, logins, commands and reports."""
