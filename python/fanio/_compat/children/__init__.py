"""A folder for PYTHONPATH. Python runs its ``sitecustomize`` in the child processes of an application."""
