#!/usr/bin/python3
"""Tests of scripts/fetch-datasets against a server on this machine that misbehaves."""

import contextlib
import gzip
import hashlib
import http.server
import importlib.machinery
import importlib.util
import io
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "fetch-datasets"


def load_script():
    loader = importlib.machinery.SourceFileLoader("fetch_datasets", str(SCRIPT))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("fetch_datasets", loader))
    sys.modules["fetch_datasets"] = module
    loader.exec_module(module)
    return module


fetch = load_script()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


RAW = random.Random(1).randbytes(300_000)
PACKED = gzip.compress(RAW)
MEMBERS = {"a.bin": RAW[:1000], "b.bin": RAW[1000:5000]}


def archive(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo("folder/" + name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


ARCHIVE = archive({**MEMBERS, "readme.html": b"not wanted"})


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` and remembers the Range of every request."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.ranges = []
        self.breaks = []  # bytes after which the next answers break off
        self.knows_ranges = True
        self.status = None
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        server.ranges.append(self.headers["Range"])
        content = server.files.get(self.path.lstrip("/"))
        if server.status or content is None:
            self.send_error(server.status or 404)
            return
        begin = 0
        if self.headers["Range"] and server.knows_ranges:
            begin = int(re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])[1])
            if begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range",
                             f"bytes {begin}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[begin:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:server.breaks.pop(0)] if server.breaks else body)


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.server = Server({"one.gz": PACKED, "all.tar.gz": ARCHIVE})
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.to = pathlib.Path(folder.name)
        self.use(fetch.File("one.gz", sha256(RAW)))

    def use(self, *files):
        fetch.DATASETS = {"small": fetch.Dataset("small", (self.server.url,), files)}

    def use_archive(self, members=None):
        sums = tuple((name, sha256(content)) for name, content in (members or MEMBERS).items())
        self.use(fetch.File("all.tar.gz", sha256(ARCHIVE), sums))

    def run_main(self, *arguments):
        """The exit code; what was said is kept in `self.out` and `self.errors`."""
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stderr(errors):
            code = fetch.main(["--to", str(self.to), "--pause", "0", *arguments, "small"], out)
        self.out, self.errors = out.getvalue(), errors.getvalue()
        return code

    @property
    def part(self):
        return self.to / "small" / "one.gz.part"

    def names(self):
        return sorted(path.name for path in (self.to / "small").iterdir())

    def leave_part(self, content):
        self.part.parent.mkdir()
        self.part.write_bytes(content)

    def assert_fetched(self, code):
        self.assertEqual(code, 0, self.errors)
        self.assertEqual(self.names(), ["one.gz"])
        self.assertEqual((self.to / "small" / "one.gz").read_bytes(), PACKED)

    def test_a_file_is_fetched_and_nothing_else_is_left(self):
        self.assert_fetched(self.run_main())
        self.assertEqual(self.server.ranges, [None])

    def test_output_that_is_no_terminal_gets_plain_lines(self):
        self.run_main()
        self.assertNotIn("\r", self.out)
        self.assertEqual(len(self.out.splitlines()), 3)

    def test_what_is_there_is_not_fetched_again(self):
        self.run_main()
        self.assertEqual(self.run_main(), 0)
        self.assertEqual(len(self.server.ranges), 1)
        self.assertIn("already there", self.out)

    def test_a_file_with_the_wrong_sum_is_replaced(self):
        (self.to / "small").mkdir()
        (self.to / "small" / "one.gz").write_bytes(PACKED[:1000])
        self.assert_fetched(self.run_main())

    def test_a_broken_connection_is_continued_where_it_broke(self):
        self.server.breaks = [100_000, 50_000]
        self.assert_fetched(self.run_main())
        self.assertEqual(self.server.ranges, [None, "bytes=100000-", "bytes=150000-"])

    def test_a_server_that_ignores_ranges_is_read_from_the_start(self):
        self.server.breaks = [100_000]
        self.server.knows_ranges = False
        self.assert_fetched(self.run_main())

    def test_an_earlier_call_is_continued(self):
        self.leave_part(PACKED[:7])
        self.assert_fetched(self.run_main())
        self.assertEqual(self.server.ranges, ["bytes=7-"])

    def test_a_whole_part_is_only_checked(self):
        self.leave_part(PACKED)
        self.assert_fetched(self.run_main())

    def test_a_part_of_something_else_is_thrown_away(self):
        for wrong in (b"x" * 1000, b"x" * 2 * len(PACKED)):
            with self.subTest(length=len(wrong)):
                self.leave_part(wrong)
                self.assert_fetched(self.run_main())
                (self.to / "small" / "one.gz").unlink()
                (self.to / "small").rmdir()

    def test_wrong_bytes_are_refused_and_not_kept(self):
        self.server.files["one.gz"] = gzip.compress(RAW + b"x")
        self.assertEqual(self.run_main(), 2)
        self.assertEqual(self.names(), [])
        self.assertIn(f"small: {self.server.url}one.gz: SHA-256 {sha256(RAW + b'x')}, "
                      f"expected {sha256(RAW)}", self.errors)

    def test_a_page_instead_of_the_file_is_refused(self):
        self.server.files["one.gz"] = b"<html>Sign in</html>"
        self.assertEqual(self.run_main(), 2)
        self.assertIn("corrupt gzip stream", self.errors)
        self.assertEqual(self.names(), [])

    def test_a_mirror_that_fails_is_followed_by_the_next(self):
        wrong = Server({"one.gz": b"wrong"})
        self.addCleanup(wrong.server_close)
        self.addCleanup(wrong.shutdown)
        code = self.run_main("--base-url", wrong.url, "--base-url", wrong.url + "no/such",
                             "--base-url", "http://127.0.0.1:1/",
                             "--base-url", self.server.url)
        self.assert_fetched(code)

    def test_a_missing_file_is_reported_with_every_mirror(self):
        self.server.files = {}
        self.assertEqual(self.run_main("--base-url", self.server.url + "a",
                                       "--base-url", self.server.url + "b/"), 2)
        for folder in "ab":
            self.assertIn(f"{self.server.url}{folder}/one.gz: answered 404 Not Found",
                          self.errors)
        self.assertEqual(len(self.errors.splitlines()), 1)

    def test_a_server_in_trouble_is_asked_a_few_times(self):
        self.server.status = 503
        self.assertEqual(self.run_main(), 2)
        self.assertEqual(len(self.server.ranges), fetch.ATTEMPTS)
        self.assertIn("answered 503", self.errors)

    def test_a_connection_that_always_breaks_keeps_the_part(self):
        self.server.breaks = [1000] + [0] * 20
        self.assertEqual(self.run_main(), 2)
        self.assertEqual(self.part.read_bytes(), PACKED[:1000])
        self.assertIn("broke off (5 attempts, 1000 bytes so far)", self.errors)

    def test_an_archive_gives_its_members(self):
        self.use_archive()
        self.assertEqual(self.run_main(), 0, self.errors)
        self.assertEqual(self.names(), ["a.bin", "b.bin"])
        for name, content in MEMBERS.items():
            self.assertEqual((self.to / "small" / name).read_bytes(), content)
        self.assertEqual(self.run_main(), 0)
        self.assertEqual(len(self.server.ranges), 1)

    def test_an_archive_without_a_member_is_refused(self):
        self.use_archive({**MEMBERS, "c.bin": b"c"})
        self.assertEqual(self.run_main(), 2)
        self.assertIn("has no c.bin", self.errors)

    def test_a_member_with_the_wrong_sum_is_not_kept(self):
        self.use_archive({**MEMBERS, "b.bin": b"another"})
        self.assertEqual(self.run_main(), 2)
        self.assertIn("b.bin in it has SHA-256", self.errors)
        self.assertNotIn("b.bin", self.names())

    def test_a_folder_that_cannot_be_made_is_a_sentence(self):
        (self.to / "small").write_text("a file")
        self.assertEqual(self.run_main(), 2)
        self.assertIn("fetch-datasets: small: ", self.errors)


class CommandTest(unittest.TestCase):
    def run_script(self, *arguments):
        return subprocess.run([sys.executable, str(SCRIPT), *arguments], text=True,
                              capture_output=True, check=False)

    def test_an_unknown_dataset_is_refused_with_the_known_ones(self):
        result = self.run_script("minst")
        self.assertEqual(result.returncode, 2)
        self.assertIn("'cifar10', 'cifar100', 'fashion-mnist', 'mnist'", result.stderr)

    def test_a_real_dataset_from_the_wrong_place_is_refused(self):
        server = Server({name: PACKED for name in ("train-images-idx3-ubyte.gz",)})
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with tempfile.TemporaryDirectory() as folder:
            result = self.run_script("--to", folder, "--base-url", server.url, "mnist")
            self.assertEqual(result.returncode, 2)
            self.assertIn("fetch-datasets: mnist: ", result.stderr)
            self.assertNotIn("Traceback", result.stderr)
            self.assertEqual(list(pathlib.Path(folder).rglob("*.gz*")), [])


if __name__ == "__main__":
    unittest.main()
