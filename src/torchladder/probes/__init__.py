"""Probes see: the only package that touches torch's hooks. They write facts and change nothing."""
