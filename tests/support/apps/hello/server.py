"""A tiny HTTP application that behaves as its environment says, well or badly.

VERSION        what `/` and `/health` say                      (1)
PORT, BIND     where it listens                                (8000, 0.0.0.0)
STATUS         status of `/`                                   (200)
HEALTH_STATUS  status of `/health`                             (200)
DELAY_MS       added to every answer                           (0)
START_DELAY    seconds before it listens                       (0)
CRASH          exit with this status instead of starting       (unset)
CRASH_AFTER    exit with status 1 after so many seconds        (unset)
STOP_DELAY     seconds between SIGTERM and the end             (0)
REQUIRE        names of variables without which it won't start (empty)

Paths: `/` `/health` `/slow?ms=` `/env?name=` `/crash` (ends the process at once).
On SIGTERM it stops listening, finishes what is under way and exits with 0.
"""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ENV = os.environ


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with under_way:
            self.route()

    def route(self) -> None:
        time.sleep(int(ENV.get("DELAY_MS", "0")) / 1000)
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        answers = {"/": self.root, "/health": self.health, "/slow": self.slow}
        answers |= {"/env": self.env, "/crash": self.crash}
        answers.get(url.path, self.missing)(query)

    def root(self, query: dict[str, str]) -> None:
        self.answer(int(ENV.get("STATUS", "200")), f"hello {ENV['VERSION']}\n")

    def health(self, query: dict[str, str]) -> None:
        status = int(ENV.get("HEALTH_STATUS", "200"))
        self.answer(status, json.dumps({"status": status, "version": ENV["VERSION"]}))

    def slow(self, query: dict[str, str]) -> None:
        time.sleep(int(query.get("ms", "1000")) / 1000)
        self.answer(200, f"slow {ENV['VERSION']}\n")

    def env(self, query: dict[str, str]) -> None:
        names = [query["name"]] if "name" in query else sorted(ENV)
        self.answer(200, json.dumps({name: ENV.get(name) for name in names}))

    def crash(self, query: dict[str, str]) -> None:
        os._exit(1)

    def missing(self, query: dict[str, str]) -> None:
        self.answer(404, "not found\n")

    def answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Version", ENV["VERSION"])
        if stopping.is_set():
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        print(f"{self.command} {self.path} {args[1]}")


class Server(ThreadingHTTPServer):
    daemon_threads = True  # idle connections do not hold up the end; requests under way do
    request_queue_size = 128


class UnderWay:
    """Counts the requests being answered."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.count = 0

    def __enter__(self) -> None:
        self.add(1)

    def __exit__(self, *_: object) -> None:
        self.add(-1)

    def add(self, number: int) -> None:
        with self.changed:
            self.count += number
            self.changed.notify_all()

    def wait(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: not self.count)


stopping, under_way = threading.Event(), UnderWay()


def refuse_to_start() -> None:
    missing = [name for name in ENV.get("REQUIRE", "").split() if name not in ENV]
    if missing:
        sys.exit(f"KeyError: {missing[0]} is not set")
    if "CRASH" in ENV:
        print("crashing as told", file=sys.stderr)
        sys.exit(int(ENV["CRASH"]))


def stop(server: Server) -> None:
    stopping.set()
    time.sleep(float(ENV.get("STOP_DELAY", "0")))
    server.shutdown()


def main() -> None:
    refuse_to_start()
    time.sleep(float(ENV.get("START_DELAY", "0")))
    server = Server((ENV.get("BIND", "0.0.0.0"), int(ENV.get("PORT", "8000"))), Handler)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=stop, args=[server]).start())
    if "CRASH_AFTER" in ENV:
        threading.Timer(float(ENV["CRASH_AFTER"]), lambda: os._exit(1)).start()
    print(f"hello {ENV['VERSION']} listens on {server.server_address}")
    server.serve_forever()
    under_way.wait()


if __name__ == "__main__":
    main()
