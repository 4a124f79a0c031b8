"""A storage node by somebody else: only the three plain routes, no ETag, no batch, no epochs, no /health."""

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROUTE = re.compile(r"^/shard/(\d+)/store/([^/?]+)$")
store = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def place(self):
        match = ROUTE.match(self.path)
        return match and (match.group(1), match.group(2))

    def do_GET(self):
        place = self.place()
        if place in store:
            self.answer(200, store[place])
        else:
            self.answer(404)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        place = self.place()
        if not place:
            return self.answer(404)
        is_new = place not in store
        store[place] = body
        return self.answer(201 if is_new else 200)

    def do_DELETE(self):
        self.answer(204 if store.pop(self.place(), None) is not None else 404)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(404)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", server.server_address[1], flush=True)
server.serve_forever()
