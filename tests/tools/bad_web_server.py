"""A web server as bad as the net: the first part of a path says how the file below it is served.

usage: bad_web_server.py FOLDER    prints its port, then serves 127.0.0.1 until it is killed
Each request leaves a line `PATH RANGE STATUS` in FOLDER/log.
"""
import collections
import http.server
import os
import sys
import time

folder = sys.argv[1]
asked = collections.Counter()  # requests by path


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        manner, name = self.path.strip("/").split("/", 1)
        asked[self.path] += 1
        try:
            with open(os.path.join(folder, name), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return self.answer(404, b"no such file")
        if manner == "busy" and asked[self.path] <= 2:
            return self.answer(500, b"busy")
        if manner == "page":
            return self.answer(200, b"<html>log in first</html>")
        if manner == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if manner == "damaged":  # in the middle, where an entry's bytes are
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        if manner == "short":
            data = data[: len(data) // 2]
        if manner == "long":
            data = data + b"more"

        start = 0
        if manner not in ("whole", "whole-breaking-once") and self.headers["Range"]:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                return self.answer(416, b"")
        sent = len(data)
        if manner == "breaking":  # a third of it per connection
            sent = start + len(data) // 3 + 1
        if manner == "whole-breaking-once" and asked[self.path] == 1 or manner == "stuck":
            sent = len(data) // 2
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.answer(206 if start else 200, data[start:sent], len(data) - start, headers)
        if manner == "stuck":
            self.wfile.flush()
            time.sleep(600)

    def answer(self, status, body, length=None, headers={}):
        with open(os.path.join(folder, "log"), "a") as log:
            log.write(f"{self.path} {self.headers['Range']} {status}\n")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
