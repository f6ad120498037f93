"""A task manager's backend: Flask, one health endpoint, tasks in SQLite."""

import os

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from app.store import Store, connect
from app.tasks import blueprint

VERSION = "1.0.0"


def create_app(store: Store | None = None) -> Flask:
    """The application, as gunicorn calls it. `store` is replaced by tests."""
    app = Flask(__name__)
    app.extensions["store"] = store or connect(os.environ.get("DATABASE_URL"))
    app.register_blueprint(blueprint)
    app.add_url_rule("/api/health", view_func=health)
    app.register_error_handler(404, not_found)
    return app


def health() -> ResponseReturnValue:
    environment = os.environ.get("ENVIRONMENT", "development")
    return jsonify(status="ok", version=VERSION, environment=environment)


def not_found(error: Exception) -> ResponseReturnValue:
    return jsonify(error="not found"), 404
