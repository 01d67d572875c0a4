"""Rows and panels as plain values, from the store and the domain."""
