"""`python -m app.migrate`: brings the database up to date. Runs once for each release, before any
traffic moves, instead of in every container that starts."""

import os

from app.store import MEMORY, Store


def main() -> None:
    url = os.environ.get("DATABASE_URL", MEMORY)
    store = Store(url.removeprefix("sqlite:///"))
    print(f"applied {store.migrate()} migrations")
    store.close()


if __name__ == "__main__":
    main()
