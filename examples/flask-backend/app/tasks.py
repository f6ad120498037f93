"""/api/tasks: list, create, read, change, delete."""

from typing import cast

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from app.store import Store

blueprint = Blueprint("tasks", __name__, url_prefix="/api/tasks")


@blueprint.get("")
def index() -> ResponseReturnValue:
    return jsonify(_store().all())


@blueprint.post("")
def create() -> ResponseReturnValue:
    title = _body().get("title")
    if not isinstance(title, str) or not title.strip():
        return jsonify(error="a task needs a title"), 400
    return jsonify(_store().add(title.strip())), 201


@blueprint.get("/<int:number>")
def read(number: int) -> ResponseReturnValue:
    return _found(_store().get(number))


@blueprint.patch("/<int:number>")
def change(number: int) -> ResponseReturnValue:
    task, body = _store().get(number), _body()
    if task is None:
        return _found(None)
    title, done = str(body.get("title", task["title"])), bool(body.get("done", task["done"]))
    return _found(_store().update(number, title, done))


@blueprint.delete("/<int:number>")
def delete(number: int) -> ResponseReturnValue:
    return ("", 204) if _store().remove(number) else _found(None)


def _store() -> Store:
    return cast(Store, current_app.extensions["store"])


def _body() -> dict[str, object]:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def _found(task: dict[str, object] | None) -> ResponseReturnValue:
    return jsonify(task) if task else (jsonify(error="not found"), 404)
