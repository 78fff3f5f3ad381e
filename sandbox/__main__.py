"""python -m sandbox: run the stand-in stores until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from urllib.parse import urljoin

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.app import create_app
from sandbox.shopify.oauth import App
from sandbox.shopify.store import Settings, Store


class KeepAlive(WSGIRequestHandler):
    """HTTP/1.1, so that clients may keep a connection; one line a request only with --verbose."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    verbose = False

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        if self.verbose:
            super().log_request(code, size)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; keep it loopback")
    parser.add_argument(
        "--state-dir", type=Path, required=True, help="where the store's SQLite file and bulk files live"
    )
    parser.add_argument("--clock-file", type=Path, help="file with seconds to add to business time")
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--client-secret", required=True)
    parser.add_argument("--app-url", required=True, help="where the admin's Open link leads")
    parser.add_argument("--redirect-uri", required=True, action="append", help="allowed callback; may be repeated")
    parser.add_argument("--scopes", help="what a managed installation grants, parted by commas")
    parser.add_argument("--compliance-uri", help="where compliance topics go; default {app-url}/webhooks/shopify")
    parser.add_argument("--retry-compression", type=float, default=240.0, help="4 h of retries divided by this")
    parser.add_argument("--delivery-threads", type=int, default=4)
    parser.add_argument("--bulk-seconds", type=float, default=0.0, help="a bulk export takes at least this long")
    parser.add_argument("--bucket-size", type=float, default=2000.0)
    parser.add_argument("--restore-rate", type=float, default=100.0)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args(given)


def settings_of(chosen: argparse.Namespace) -> Settings:
    return Settings(
        state_dir=chosen.state_dir,
        base_url=f"http://{chosen.host}:{chosen.port}",
        app=App(
            chosen.client_id,
            chosen.client_secret,
            chosen.app_url,
            tuple(chosen.redirect_uri),
            **({"scopes": chosen.scopes} if chosen.scopes else {}),
        ),
        clock_file=chosen.clock_file,
        compliance_uri=chosen.compliance_uri or urljoin(chosen.app_url, "/webhooks/shopify"),
        retry_compression=chosen.retry_compression,
        delivery_threads=chosen.delivery_threads,
        bulk_seconds=chosen.bulk_seconds,
        bucket_size=chosen.bucket_size,
        restore_rate=chosen.restore_rate,
    )


def main() -> int:
    chosen = arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    KeepAlive.verbose = chosen.verbose
    store = Store(settings_of(chosen))
    server = make_server(chosen.host, chosen.port, create_app(store), threaded=True, request_handler=KeepAlive)
    server.daemon_threads = True  # type: ignore[attr-defined]

    def stop(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=server.shutdown, name="stop").start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    store.start()
    logging.getLogger("sandbox").info("stand-in stores at http://%s:%s", chosen.host, chosen.port)
    try:
        server.serve_forever()
    finally:
        server.server_close()
        store.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
