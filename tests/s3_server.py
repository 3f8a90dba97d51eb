"""A small S3 server over a folder: lists, gives and takes objects, fails as it is told to, checks no signature."""

import io
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

PAGE = 100  # keys in one answer, so that lists have more than one
LAST_CHANGE = "%a, %d %b %Y %H:%M:%S GMT"


class S3Server:
    """What a test tells the server, and what the server counts."""

    def __init__(self, root):
        self.root, self.requests, self.failed = root, 0, 0
        self.fail_every = 0  # each n-th request is answered with 503
        self.down_until = 0.0  # until this moment of time.monotonic() each one is
        self.read_only = False  # whoever writes is told that he may not
        self.listed = []  # of what all below was asked for: prefixes with their buckets
        self.written, self.deleted = [], []  # keys with their buckets
        self.uploads = {}  # of objects that come in parts
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
                server.listed += [] if query.get("delimiter") else [f"{bucket}/{query.get('prefix', '')}"]
                if not (server.root / bucket).is_dir():
                    return self._answer(404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>")
                return self._answer(200, _listing(server.root / bucket, query).encode())
            path = server.root / bucket / key
            if not path.is_file():
                return self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")
            return self._file(path)

        def do_PUT(self):
            data = self._body()
            where = self._writing()
            if where is None:
                return
            key, query = where
            if "partNumber" in query:
                server.uploads[query["uploadId"]][int(query["partNumber"])] = data
            else:
                self._keep(key, data)
            self._answer(200, b"")

        def do_POST(self):
            body = self._body()
            where = self._writing()
            if where is None:
                return
            key, query = where
            if "uploads" in query:
                number = str(len(server.uploads) + 1)
                server.uploads[number] = {}
                said = f"<InitiateMultipartUploadResult><UploadId>{number}</UploadId></InitiateMultipartUploadResult>"
            elif "delete" in query:
                for name in re.findall(rb"<Key>(.*?)</Key>", body):
                    self._drop(f"{key.rstrip('/')}/{unescape(name.decode())}")
                said = "<DeleteResult></DeleteResult>"
            else:
                parts = server.uploads.pop(query["uploadId"])
                self._keep(key, b"".join(parts[number] for number in sorted(parts)))
                said = '<CompleteMultipartUploadResult><ETag>"x"</ETag></CompleteMultipartUploadResult>'
            self._answer(200, said.encode())

        def do_DELETE(self):
            where = self._writing()
            if where is not None:
                self._drop(where[0])
                self._answer(204, b"")

        def _writing(self):
            """Return the bucket with the key, and the query; None where the request was answered: it fails."""
            parts = urlsplit(self.path)
            key = unquote(parts.path).lstrip("/")
            query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            if server.fails():
                self._answer(503, b"<Error><Code>SlowDown</Code><Message>later</Message></Error>")
            elif server.read_only:
                self._answer(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
            elif not (server.root / key.partition("/")[0]).is_dir():
                self._answer(404, b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>")
            else:
                return key, query
            return None

        def _body(self):
            """Return what was sent: whole, in HTTP's pieces, or in AWS's pieces inside of these."""
            if self.headers.get("Transfer-Encoding") == "chunked":
                data = _joined(self.rfile)
                self.rfile.readline()
            else:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pieces = "aws-chunked" in self.headers.get("Content-Encoding", "")
            return _joined(io.BytesIO(data)) if pieces else data

        def _keep(self, key, data):
            if key.endswith("/"):
                return  # what stands for an empty folder
            path = server.root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{threading.get_ident()}.partial")
            partial.write_bytes(data)
            partial.replace(path)
            server.written.append(key)

        def _drop(self, key):
            (server.root / key).unlink(missing_ok=True)
            server.deleted.append(key)

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


def _joined(stream):
    """Return pieces, each behind its length in hex, as one, and leave the stream behind the last length."""
    whole = b""
    while size := int(stream.readline().partition(b";")[0], 16):
        whole += stream.read(size)
        stream.readline()
    return whole


def _listing(folder, query):
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    keys = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    keys = [key for key in keys if key.startswith(prefix) and not key.endswith(".partial")]
    if delimiter:  # a folder stands for all that it holds
        keys = sorted({prefix + _first_part(key.removeprefix(prefix), delimiter) for key in keys})
    keys = [key for key in keys if key > query.get("continuation-token", "")]
    page = keys[: min(PAGE, int(query.get("max-keys", PAGE)))]
    rows = "".join(_entry(folder, key) for key in page)
    more = len(page) < len(keys)
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
    )


def _first_part(name, delimiter):
    head, found, _ = name.partition(delimiter)
    return head + found


def _entry(folder, key):
    if key.endswith("/"):
        return f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
    try:
        status = (folder / key).stat()
    except FileNotFoundError:  # deleted meanwhile
        return ""
    changed = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(status.st_mtime))
    about = f"<Key>{escape(key)}</Key><LastModified>{changed}</LastModified><Size>{status.st_size}</Size>"
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
