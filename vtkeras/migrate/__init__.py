"""Runs made by older versions, rewritten in today's names."""

from vtkeras.migrate.run import migrate_run

__all__ = ["migrate_run"]
