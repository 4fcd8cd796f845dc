"""Parses the files of the set-up kit that a shell does not run. Syntax only: others check names."""

import json
import pathlib
import sys

import hcl2
import pycep
import tree_sitter_bicep
import tree_sitter_powershell
from tree_sitter import Language, Parser

# tree-sitter-bicep 1.1.0 does not know this statement; pycep does.
BICEP_EXTENSION = b"extension microsoftGraphV1"


def tree_sitter(grammar, text):
    """The first place that the grammar does not accept."""
    parser = Parser(Language(grammar.language()))
    nodes = [parser.parse(text).root_node]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            row, column = node.start_point
            raise ValueError(f"line {row + 1}, column {column + 1}: {node.text[:60]!r}")
        nodes.extend(node.children)


def bicep(path):
    text = path.read_bytes()
    # As many bytes, so that lines and columns stay.
    tree_sitter(tree_sitter_bicep, text.replace(BICEP_EXTENSION, b" " * len(BICEP_EXTENSION)))
    pycep.BicepParser().parse(text=text.decode())


def bicep_config(path):
    extensions = json.loads(path.read_text())["extensions"]
    for name, reference in extensions.items():
        if not reference.startswith("br:") or ":" not in reference.removeprefix("br:"):
            raise ValueError(f"{name} is no reference of a registry with a version")
        used = f"extension {name}\n"
        if not any(used in it.read_text() for it in path.parent.glob("*.bicep")):
            raise ValueError(f"no file uses the extension {name}")


CHECKS = {
    "*.bicep": bicep,
    "bicepconfig.json": bicep_config,
    "*.ps1": lambda path: tree_sitter(tree_sitter_powershell, path.read_bytes()),
    "*.tf": lambda path: hcl2.loads(path.read_text()),
}


def main(folders):
    failed = False
    for pattern, check in CHECKS.items():
        paths = sorted(path for folder in folders for path in folder.rglob(pattern))
        if not paths:
            failed = True
            print(f"no {pattern}", file=sys.stderr)
        for path in paths:
            try:
                check(path)
            except Exception as error:  # each parser has its own
                failed = True
                print(f"{path}: {error}", file=sys.stderr)
    return failed


sys.exit(main([pathlib.Path(folder) for folder in sys.argv[1:]]))
