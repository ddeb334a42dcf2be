"""The admin UI's side of a server: its namespace, logins, commands and reports."""
