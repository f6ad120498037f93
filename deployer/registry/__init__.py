"""Registries: references, logins, and a client of the distribution protocol.

Import the modules, not the package: `reference` and `login` are light, `client` loads urllib3.
"""
