"""Common ground: settings, database, clock, administrative units, events, errors.

This package file imports nothing, so that a receiver can use `core.clock` and `core.errors`
without loading the database.
"""
