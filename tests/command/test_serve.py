"""compass serve and compass view: a folder as a web site, asked as browsers, programs and IIIF viewers do."""

import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import BAD_FILE, COMMAND, CommandTest, FAILURE, IO, MODEL_OTHER, OK, Picture, USAGE, main

BROWSER = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}


class Server:
    """A running `compass serve` or `view`."""

    def __init__(self, test, *arguments, **env):
        self.process = subprocess.Popen([COMMAND, *map(str, arguments), "--json", "--port", "0"], cwd=test.directory,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=test.environment(**env))
        test.addCleanup(self.stop)
        self.facts = json.loads(b"".join(iter(self.process.stdout.readline, b"}\n")) + b"}")
        self.port = self.facts["port"]

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            code = self.process.wait(timeout=60)
        finally:
            self.process.stdout.close()
            self.process.stderr.close()
        return code

    def get(self, target, headers=None, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, target, headers=headers or {})
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer
        finally:
            connection.close()

    def raw(self, data, timeout=20):
        """Bytes as they are, and what comes back until the server is done with them."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received


class Serve(CommandTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("site/sub dir"))
        self.picture = Picture.smooth(120, 90)
        self.encode(self.picture, name="site/a.cmps")
        shutil.copy(self.path("site/a.cmps"), self.path("site/sub dir/b #1.cmps"))
        self.put("secret.txt", b"secret")
        self.put("site/page.html", b"<p>hello")
        self.put("site/.hidden", b"hidden")
        os.symlink("../secret.txt", self.path("site/link.txt"))

    def picture_of(self, data, ending):
        """What this command reads of a picture file."""
        self.put("got" + ending, data)
        self.compass("encode", "got" + ending, "got.cmps", "--quiet", "--layers", 1)
        layer = self.json("info", "got.cmps")["layers"][0]
        return layer["width"], layer["height"]

    def test_bytes_and_ranges(self):
        server = Server(self, "serve", "site")
        whole = self.get("site/a.cmps")
        answer = server.get("/a.cmps")
        self.assertEqual((answer.status, answer.body), (200, whole))
        self.assertEqual(answer.getheader("Content-Type"), "image/x-compass")
        self.assertEqual(answer.getheader("Access-Control-Allow-Origin"), "*")
        head = server.get("/a.cmps", method="HEAD")
        self.assertEqual((head.status, head.body, int(head.getheader("Content-Length"))), (200, b"", len(whole)))
        size = len(whole)
        for asked, begin, end in (("0-9", 0, 10), ("5-5", 5, 6), ("7-", 7, size), ("-4", size - 4, size),
                                  ("3-99999999", 3, size), ("-99999999", 0, size)):
            part = server.get("/a.cmps", {"Range": "bytes=" + asked, **BROWSER})
            self.assertEqual((part.status, part.body), (206, whole[begin:end]), asked)
            self.assertEqual(part.getheader("Content-Range"), "bytes %d-%d/%d" % (begin, end - 1, size), asked)
            self.assertEqual(int(part.getheader("Content-Length")), end - begin)
        for asked in ("%d-" % size, "9-3", "-0", "x", "1-2-3", ",".join(["0-0"] * 40)):
            self.assertEqual(server.get("/a.cmps", {"Range": "bytes=" + asked}).status, 416, asked)
        # The rest of another version is no use: the whole comes instead.
        for tag, status in (answer.getheader("ETag"), 206), ('"other"', 200), ("Mon, 30 Nov 2026 00:00:00 GMT", 200):
            self.assertEqual(server.get("/a.cmps", {"Range": "bytes=0-9", "If-Range": tag}).status, status, tag)
        again = server.get("/a.cmps", {"If-None-Match": answer.getheader("ETag")})
        self.assertEqual((again.status, again.body), (304, b""))

    def test_a_layer_is_a_smaller_file(self):
        server = Server(self, "serve", "site")
        for layer in range(3):
            self.compass("extract", "site/a.cmps", "first.cmps", "--layers", layer + 1)
            answer = server.get("/a.cmps?layer=%d" % layer)
            self.assertEqual((answer.status, answer.body), (200, self.get("first.cmps")))
        for wrong in ("3", "-1", "x", "", "99999999999999999999"):
            self.assertEqual(server.get("/a.cmps?layer=" + wrong).status, 400, wrong)

    def test_browsers_get_a_picture(self):
        server = Server(self, "serve", "site")
        webp = server.get("/a.cmps", BROWSER)
        self.assertEqual((webp.status, webp.getheader("Content-Type")), (200, "image/webp"))
        self.assertEqual(webp.body[8:12], b"WEBP")
        self.assertIn("Accept", webp.getheader("Vary"))
        self.assertEqual(self.picture_of(webp.body, ".webp"), (120, 90))
        self.assertEqual(server.get("/a.cmps", {"Accept": "image/png,*/*"}).getheader("Content-Type"), "image/jpeg")
        for query, size in (("width=60", (60, 45)), ("height=30", (40, 30)), ("width=50&height=7", (50, 7)),
                            ("layer=0", (30, 22)), ("width=9999", (120, 90)), ("width=1", (1, 1))):
            answer = server.get("/a.cmps?format=png&" + query)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(self.picture_of(answer.body, ".png"), size, query)
        for wrong in ("format=bmp", "format=png&width=0", "format=png&width=x", "format=png&layer=3"):
            self.assertEqual(server.get("/a.cmps?" + wrong).status, 400, wrong)

    def test_pictures_are_those_of_decode(self):
        server = Server(self, "serve", "site")
        self.put("whole.png", server.get("/a.cmps?format=png").body)
        self.compass("decode", "site/a.cmps", "decoded.png", "--quiet")
        self.compass("encode", "whole.png", "x.cmps", "--quiet", "--layers", 1)
        self.compass("encode", "decoded.png", "y.cmps", "--quiet", "--layers", 1)
        self.assertEqual(self.get("x.cmps"), self.get("y.cmps"))
        part = server.get("/iiif/3/a.cmps/40,30,50,40/max/0/default.png")
        self.assertEqual(part.status, 200, part.body)
        self.put("part.png", part.body)
        self.compass("decode", "site/a.cmps", "region.png", "--quiet", "--region", "40,30,50,40")
        self.compass("encode", "part.png", "x.cmps", "--quiet", "--layers", 1)
        self.compass("encode", "region.png", "y.cmps", "--quiet", "--layers", 1)
        self.assertEqual(self.get("x.cmps"), self.get("y.cmps"))

    def test_iiif(self):
        server = Server(self, "serve", "site")
        see = server.get("/iiif/3/a.cmps")
        self.assertEqual((see.status, see.getheader("Location")),
                         (303, "http://127.0.0.1:%d/iiif/3/a.cmps/info.json" % server.port))
        info = server.get("/iiif/3/a.cmps/info.json")
        self.assertEqual((info.status, info.getheader("Content-Type")), (200, "application/json"))
        facts = json.loads(info.body)
        self.assertEqual((facts["width"], facts["height"], facts["profile"]), (120, 90, "level1"))
        self.assertEqual([size["width"] for size in facts["sizes"]], [30, 60, 120])
        linked = server.get("/iiif/3/a.cmps/info.json", {"Accept": "application/ld+json"})
        self.assertIn("application/ld+json", linked.getheader("Content-Type"))
        for request, size in (("full/max/0/default.jpg", (120, 90)), ("square/30,/0/gray.jpg", (30, 30)),
                              ("10,20,64,32/!16,16/0/color.webp", (16, 8)), ("pct:0,0,50,50/pct:50/0/default.png", (30, 23)),
                              ("100,80,99,99/max/0/default.png", (20, 10))):
            answer = server.get("/iiif/3/a.cmps/" + request)
            self.assertEqual(answer.status, 200, request)
            self.assertEqual(self.picture_of(answer.body, request[request.rindex("."):]), size, request)
        self.assertEqual(server.get("/iiif/3/sub%20dir%2Fb%20%231.cmps/full/max/0/default.jpg").status, 200)
        for wrong, status in (("full/max/0/default", 400), ("full/max/90/default.jpg", 501), ("full/^max/0/default.jpg", 501),
                              ("full/500,/0/default.jpg", 400), ("0,0,0,0/max/0/default.jpg", 400), ("full/max", 400),
                              ("full/max/0/default.jpg/x", 400)):
            self.assertEqual(server.get("/iiif/3/a.cmps/" + wrong).status, status, wrong)
        for none in ("page.html", "none.cmps", "..%2Fsecret.txt", "%2E%2E%2Fsite%2Fa.cmps", ".hidden"):
            self.assertEqual(server.get("/iiif/3/%s/info.json" % none).status, 404, none)
        # An address is not made of what a client makes up.
        evil = server.get("/iiif/3/a.cmps/info.json", {"Host": 'x"<script>'})
        self.assertTrue(json.loads(evil.body)["id"].startswith("http://localhost/"))
        named = Server(self, "serve", "site", "--url", "https://example.org/p")
        self.assertEqual(json.loads(named.get("/iiif/3/a.cmps/info.json").body)["id"],
                         "https://example.org/p/iiif/3/a.cmps")

    def test_pages(self):
        server = Server(self, "serve", "site", COMPASS_WEB_PATH=self.path("none"))
        page = server.get("/")
        self.assertEqual((page.status, page.getheader("Content-Type")), (200, "text/html; charset=utf-8"))
        self.assertIn(b'<img src="a.cmps?format=jpeg', page.body)
        self.assertIn(b'href="sub%20dir/"', page.body)
        self.assertEqual(server.get("/sub%20dir").status, 301)
        self.assertEqual(server.get("/sub%20dir").getheader("Location"), "./sub%20dir/")
        self.assertIn(b"b%20%231.cmps", server.get("/sub%20dir/").body)
        self.put("site/sub dir/index.html", b"mine")
        self.assertEqual(server.get("/sub%20dir/").body, b"mine")
        self.assertEqual(server.get("/.compass/compass.wasm").status, 404)

    def test_pages_with_the_module(self):
        os.mkdir(self.path("web"))
        self.put("web/compass.wasm", b"module")
        self.put("web/compass-img.mjs", b"script")
        server = Server(self, "serve", "site", COMPASS_WEB_PATH=self.path("web"))
        page = server.get("/sub%20dir/").body
        self.assertIn(b'src="../.compass/compass-img.mjs"', page)
        self.assertIn(b'<compass-img src="b%20%231.cmps"', page)
        self.assertIn(b'href="../.compass/viewer.html?src=../sub%2520dir/b%2520%25231.cmps"', page)
        module = server.get("/.compass/compass.wasm")
        self.assertEqual((module.body, module.getheader("Content-Type")), (b"module", "application/wasm"))
        self.assertEqual(server.get("/.compass/none").status, 404)
        # The model in two pieces: one that decodes base layers, and the rest.
        decoder = self.json("info", "site/a.cmps")["decoder"]
        self.assertIn(b'data-decoder="%s"' % decoder.encode(), page)
        pieces = [server.get("/.compass/model/%s/%s.gz" % (decoder, name)) for name in ("base", "upper")]
        self.assertEqual([(p.status, p.getheader("Content-Type")) for p in pieces], [(200, "application/gzip")] * 2)
        self.put("base.safetensors", gzip.decompress(pieces[0].body))
        self.compass("decode", "site/a.cmps", "base.png", "--layer", 0, "--model", "base.safetensors", "--quiet")
        self.compass("decode", "site/a.cmps", "top.png", "--model", "base.safetensors", "--quiet", code=MODEL_OTHER)
        for name in ("other.gz", "base.gz", decoder, decoder + "/other.gz", decoder + "/base.gz/x", "0123456789abcdef/base.gz"):
            self.assertEqual(server.get("/.compass/model/" + name).status, 404)
        again = server.get("/.compass/model/%s/base.gz" % decoder, {"If-None-Match": pieces[0].getheader("ETag")})
        self.assertEqual(again.status, 304)
        self.assertEqual(json.loads(server.get("/.compass/model/encoder.json").body), {"decoder": decoder})
        self.assertEqual(server.get("/.compass/model/%s/encoder.gz" % decoder).status, 200)

    def test_text_is_sent_compressed(self):
        text = b"<p>a page with some text</p>\n" * 200
        self.put("site/long.html", text)
        server = Server(self, "serve", "site")
        plain = server.get("/long.html")
        self.assertEqual((plain.body, plain.getheader("Content-Encoding")), (text, None))
        self.assertIn("Accept-Encoding", plain.getheader("Vary"))
        for _ in range(2):
            packed = server.get("/long.html", {"Accept-Encoding": "br, gzip"})
            self.assertEqual((packed.status, packed.getheader("Content-Encoding")), (200, "gzip"))
            self.assertLess(len(packed.body), 200)
            self.assertEqual(gzip.decompress(packed.body), text)
        self.assertEqual(packed.getheader("ETag"), "W/" + plain.getheader("ETag"))
        for tag in (plain.getheader("ETag"), packed.getheader("ETag")):
            again = server.get("/long.html", {"Accept-Encoding": "gzip", "If-None-Match": tag})
            self.assertEqual((again.status, again.body), (304, b""))
        self.put("site/long.html", text + b"!")
        self.assertEqual(gzip.decompress(server.get("/long.html", {"Accept-Encoding": "gzip"}).body), text + b"!")
        # A part is one of the bytes themselves, and pictures are small as they are.
        part = server.get("/long.html", {"Accept-Encoding": "gzip", "Range": "bytes=3-9"})
        self.assertEqual((part.status, part.body, part.getheader("Content-Encoding")), (206, text[3:10], None))
        for other in ("/a.cmps", "/page.html"):
            self.assertIsNone(server.get(other, {"Accept-Encoding": "gzip"}).getheader("Content-Encoding"), other)
        head = server.get("/long.html", {"Accept-Encoding": "gzip"}, method="HEAD")
        self.assertEqual((head.getheader("Content-Encoding"), head.body), ("gzip", b""))

    def test_nothing_leads_out(self):
        server = Server(self, "serve", "site")
        for target in ("/../secret.txt", "/%2e%2e/secret.txt", "/sub%20dir/../../secret.txt", "/..%2fsecret.txt",
                       "/link.txt", "/.hidden", "//etc/passwd", "/%2fetc%2fpasswd", "/none", "/sub%20dir/none",
                       "/a.cmps/", "/.compass/../a.cmps"):
            answer = server.get(target)
            self.assertEqual(answer.status, 404, target)
            self.assertNotIn(b"secret\n", answer.body)
        self.assertEqual(server.get("/%").status, 400)
        self.assertEqual(server.get("/%00").status, 400)

    def test_hostile_requests(self):
        server = Server(self, "serve", "site", "--connections", 4)
        for data in (b"\0" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nX: " + b"y" * 100000 + b"\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
                     b"POST /a.cmps HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nx", b"PUT /new HTTP/1.1\r\n\r\n",
                     b"GET /a.cmps HTTP/1.1\r\nRange: bytes=" + b"0-," * 2000 + b"\r\n\r\n"):
            try:
                server.raw(data)
            except OSError:
                pass  # hung up on
            self.assertIsNone(server.process.poll(), data[:40])
        for method in ("POST", "PUT", "DELETE"):
            self.assertEqual(server.get("/a.cmps", method=method).status, 405)
        self.assertFalse(os.path.exists(self.path("site/new")))
        self.put("site/bad.cmps", b"no such thing")
        self.put("site/cut.cmps", self.get("site/a.cmps")[:-5])
        self.assertEqual(server.get("/bad.cmps?format=png").status, 500)
        self.assertEqual(server.get("/cut.cmps?format=png").status, 500)
        self.assertEqual(server.get("/cut.cmps?format=png&layer=0").status, 200)
        self.assertEqual(server.get("/").status, 200)

    def test_many_at_once(self):
        server = Server(self, "serve", "site", "--connections", 8)
        expected = server.get("/a.cmps?format=png&width=77").body
        wrong = []

        def ask(k):
            for i in range(6):
                answer = server.get("/a.cmps?format=png&width=%d" % (77 if k % 2 else 10 + 6 * k + i))
                if answer.status != 200 or k % 2 and answer.body != expected:
                    wrong.append((k, i, answer.status))

        threads = [threading.Thread(target=ask, args=(k,)) for k in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_stops_gracefully(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            server = Server(self, "serve", "site")
            server.get("/a.cmps")
            began = time.monotonic()
            self.assertEqual(server.stop(how), OK)
            self.assertLess(time.monotonic() - began, 30)
        for _ in range(10):  # before it listens
            self.assertEqual(Server(self, "serve", "site").stop(), OK)

    def test_wrong_usage(self):
        self.compass("serve", "none", code=IO)
        done = self.compass("serve", "site", "--model", "nope", code=MODEL_OTHER)
        self.assertIn(b"nope is neither a file nor an installed model", done.stderr)
        self.compass("serve", "site", "--port", 70000, code=USAGE)
        self.compass("serve", "site", "--connections", 0, code=USAGE)
        self.compass("serve", "site", "--url", "example.org", code=USAGE)
        self.compass("serve", "site", "--address", "no.such.host.invalid", code=IO)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.compass("serve", "site", "--port", taken.getsockname()[1], code=IO)


class View(CommandTest):
    def test_one_file_and_no_other(self):
        self.encode(Picture.smooth(60, 40), name="a.cmps")
        self.encode(Picture.smooth(60, 40), name="b.cmps")
        server = Server(self, "view", "a.cmps", "--no-open", COMPASS_WEB_PATH=self.path("none"))
        self.assertEqual(server.facts["url"], "http://127.0.0.1:%d/" % server.port)
        first = server.get("/")
        self.assertEqual((first.status, first.getheader("Location")), (302, "a.cmps?format=webp"))
        self.assertEqual(server.get("/a.cmps").body, self.get("a.cmps"))
        for other in ("/b.cmps", "/in.ppm", "/b.cmps?format=webp", "/iiif/3/b.cmps/info.json", "/sub/"):
            self.assertEqual(server.get(other).status, 404, other)

    def test_wrong_usage(self):
        self.put("a.cmps", b"no such thing")
        self.compass("view", "a.cmps", code=BAD_FILE)
        self.compass("view", "none.cmps", code=IO)
        self.compass("view", ".", code=IO)


if __name__ == "__main__":
    main()
