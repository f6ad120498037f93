"""Every verb with its summary, in the order of the help: read without importing any of them."""

from __future__ import annotations

VERBS = {
    "init": "Write a commented deployer.yaml for what is in this folder.",
    "check": "Check the configuration; with --online also credentials and references.",
    "plan": "Show what a ship would change, and change nothing.",
    "ship": "Build, push, roll out and prove; a broken version never takes over.",
    "status": "Show what is serving, and whether somebody is deploying.",
    "releases": "List past deployments and how they ended.",
    "rollback": "Make an earlier release live again, as it was.",
    "logs": "Print what the service writes.",
    "doctor": "Examine credentials, engine, versions and configuration.",
    "lock": "See, take or release the lock of a target.",
    "destroy": "Delete everything that deployer made for a service.",
    "schema": "Print the JSON Schema of deployer.yaml.",
    "completion": "Print a completion script for a shell.",
    "version": "Print the version.",
}

GROUPS = frozenset({"lock"})  # verbs with verbs of their own

EPILOG = "\b\n" + "\n".join(
    (
        "Start here:",
        "  deployer init                     write deployer.yaml",
        "  deployer plan                     see what would change",
        "  deployer ship                     build, roll out, prove",
        "  deployer ship -e production --yes",
        "  deployer rollback                 back to the previous good release",
    )
)
