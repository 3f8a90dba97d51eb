"""A small S3 server over a folder: it lists and gives objects, fails as it is told to, and checks no signature."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 100  # keys in one answer, so that lists have more than one
LAST_CHANGE = "%a, %d %b %Y %H:%M:%S GMT"


class S3Server:
    """What a test tells the server, and what the server counts."""

    def __init__(self, root):
        self.root, self.requests, self.failed = root, 0, 0
        self.fail_every = 0  # each n-th request is answered with 503
        self.down_until = 0.0  # until this moment of time.monotonic() each one is
        self.address = ""
        self._lock = threading.Lock()

    def fails(self):
        """Count a request and tell whether it is to fail."""
        with self._lock:
            self.requests += 1
            failing = self.fail_every and self.requests % self.fail_every == 0
            failing = bool(failing) or time.monotonic() < self.down_until
            self.failed += failing
            return failing


def _handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            if server.fails():
                return self._answer(503, b"<Error><Code>SlowDown</Code><Message>later</Message></Error>")
            parts = urlsplit(self.path)
            bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if "list-type" in query:
                return self._answer(200, _listing(server.root / bucket, query).encode())
            path = server.root / bucket / key
            if not path.is_file():
                return self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
            return self._file(path)

        def _file(self, path):
            data, status, told = path.read_bytes(), 200, {}
            asked = self.headers.get("Range")
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                end = min(int(last) if last else len(data) - 1, len(data) - 1)
                told["Content-Range"] = f"bytes {first}-{end}/{len(data)}"
                data, status = data[int(first) : end + 1], 206
            told["Last-Modified"] = time.strftime(LAST_CHANGE, time.gmtime(path.stat().st_mtime))
            return self._answer(status, data, **told)

        def _answer(self, status, data, **told):
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), "ETag": '"x"', **told}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    return Handler


def _listing(folder, query):
    prefix = query.get("prefix", "")
    keys = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    keys = [key for key in keys if key.startswith(prefix) and key > query.get("continuation-token", "")]
    page = keys[: min(PAGE, int(query.get("max-keys", PAGE)))]
    rows = "".join(_entry(folder / key, key) for key in page)
    more = len(page) < len(keys)
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
    )


def _entry(path, key):
    changed = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(path.stat().st_mtime))
    about = f"<Key>{escape(key)}</Key><LastModified>{changed}</LastModified><Size>{path.stat().st_size}</Size>"
    return f"<Contents>{about}</Contents>"


@contextmanager
def serve_s3(root, monkeypatch):
    """Serve the folders in root as buckets, and point the environment at the server."""
    server = S3Server(root)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.address = f"http://127.0.0.1:{http.server_address[1]}"
    for name, value in {
        "AWS_ENDPOINT_URL": server.address,
        "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED",
        "AWS_SECRET_ACCESS_KEY": "planted-secret-planted-secret-planted",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
