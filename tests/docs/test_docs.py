"""The pages: relative links lead somewhere, drawings are well-formed, C examples compile. Standard library only."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
from urllib.parse import unquote

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^][]|\[[^]]*\])*\]\(([^)\s]+)\)")


def files(ending):
    """Paths of the project's files, build folders, reports and hidden ones left out."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders
                            if not f.startswith((".", "build")) and f not in ("quickstart-out", "report"))
        yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith(ending))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def without_code(text):
    """Without fenced blocks, blocks indented by four, and code within a line."""
    return re.sub(r"^    .*$|`[^`\n]*`", "", FENCE.sub("", text), flags=re.MULTILINE)


def anchors(text):
    """What GitHub names a page's headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.*?) *$", FENCE.sub("", text), re.MULTILINE):
        plain = LINK.sub(lambda link: link.group(0).split("](")[0].lstrip("!["), heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count, unique = 0, name
        while unique in found:
            count += 1
            unique = "%s-%d" % (name, count)
        found.add(unique)
    return found


def broken_links(path, text):
    """Links of a page to files that are not there, or to headings that those do not have."""
    for link in LINK.findall(without_code(text)):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        name, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(path), unquote(name))) if name else path
        if target != path and not os.path.exists(target):
            yield link
        elif anchor and target.endswith(".md") and anchor not in anchors(text if target == path else read(target)):
            yield link


class Docs(unittest.TestCase):
    def test_links_lead_somewhere(self):
        pages = list(files(".md"))
        self.assertIn(os.path.join(ROOT, "docs/log/README.md"), pages)
        for page in pages:
            with self.subTest(page=os.path.relpath(page, ROOT)):
                self.assertEqual(list(broken_links(page, read(page))), [])

    def test_broken_links_are_found(self):
        page = os.path.join(ROOT, "docs/page.md")
        text = ("# One: `two`, (three)\n[a](../README.md) [b](nowhere.md) ![c](overview.svg) [d](#one-two-three)\n[e](#two) "
                "[f](../README.md#limits) [g](../README.md#no) [h](https://example.org/x) `[i](nowhere.md)`\n"
                "```\n[j](nowhere.md)\n```\n\n    [k](nowhere.md)\n")
        self.assertEqual(list(broken_links(page, text)), ["nowhere.md", "#two", "../README.md#no"])

    def test_drawings_are_well_formed(self):
        for path in files(".svg"):
            with self.subTest(path=os.path.relpath(path, ROOT)):
                root = xml.etree.ElementTree.parse(path).getroot()
                self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
                width, height = (float(v) for v in root.get("viewBox").split()[2:])
                for rectangle in root.iter("{http://www.w3.org/2000/svg}rect"):
                    x, y, w, h = (float(rectangle.get(key, 0)) for key in ("x", "y", "width", "height"))
                    self.assertTrue(x >= 0 and y >= 0 and x + w <= width and y + h <= height, rectangle.attrib)

    def test_the_command_uses_the_public_interface(self):
        """The user's subcommands, and what they include of their own folder, know the library by compass.h alone."""
        folder = os.path.join(ROOT, "tools/compass")
        left, seen = ["encode.cc", "decode.cc", "info.cc", "extract.cc", "sheet.cc"], set()
        while left:
            name = left.pop()
            seen.add(name)
            for included in re.findall(r'^#include "([^"]+)"', read(os.path.join(folder, name)), re.MULTILINE):
                self.assertFalse(included.startswith(("api/", "codec/", "bitstream/", "networks/", "nn/", "model_file/",
                                                      "entropy/", "graph/")), (name, included))
                for own in (included, included.replace(".h", ".cc")):
                    if own not in seen and own != "commands.cc" and os.path.exists(os.path.join(folder, own)):
                        left.append(own)
        self.assertIn("cmps_header.cc", seen)

    def test_c_examples_compile(self):
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            self.skipTest("there is no C compiler")
        examples = [text for language, text in FENCE.findall(read(os.path.join(ROOT, "README.md"))) if language == "c"]
        self.assertTrue(examples)
        for example in examples:
            with tempfile.TemporaryDirectory() as folder:
                source = os.path.join(folder, "example.c")
                with open(source, "w", encoding="utf-8") as file:
                    file.write(example)
                done = subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I",
                                       os.path.join(ROOT, "include"), source], stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 0, done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
