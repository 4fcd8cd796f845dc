"""Checks names, types and values in the Bicep files of the set-up kit: bicep.py MODELS NODE_MODULES FOLDER...

Bicep's compiler is not in a package index. The properties come from what Microsoft generates from the same
descriptions of the services: the models of the Azure SDK for Python, and the types of Microsoft Graph.
"""

import ast
import copy
import functools
import pathlib
import re
import sys

import pycep
import tree_sitter_bicep
from tree_sitter import Language, Parser

# Type and version of a resource; where its model is.
AZURE = {
    "Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31": ("msi/v2023_01_31", "Identity"),
    "Microsoft.Insights/scheduledQueryRules@2023-12-01": ("monitor", "ScheduledQueryRuleResource"),
}
# Its type in Microsoft Graph, and what Microsoft Learn's Bicep reference requires.
GRAPH = {
    "Microsoft.Graph/applications@v1.0": ("Application", {"displayName", "uniqueName"}),
    "Microsoft.Graph/servicePrincipals@v1.0": ("ServicePrincipal", {"appId"}),
    "Microsoft.Graph/applications/federatedIdentityCredentials@v1.0": (
        "FederatedIdentityCredential",
        {"audiences", "issuer", "name", "subject"},
    ),
}
# Decorators and functions in use (Microsoft Learn, "Bicep functions", "Parameters in Bicep").
FUNCTIONS = set("allowed description environment loadTextContent maxLength minLength replace resourceGroup tenant".split())
# What the language itself adds.
OF_BICEP = {"depends_on", "name", "parent", "scope"}


class Shape:
    """An object if it has properties, else a list, a map or a single value."""

    def __init__(self, kind):
        self.kind, self.item, self.values = kind, None, set()
        self.properties, self.required, self.read_only = {}, set(), set()

    def inner(self, name):
        return self.properties.setdefault(name, Shape("object"))


class Azure:
    """The classes of one models file of the Azure SDK for Python."""

    def __init__(self, path):
        tree = ast.parse(path.read_text())
        self.classes = {it.name: it for it in tree.body if isinstance(it, ast.ClassDef)}

    @functools.cache
    def shape(self, type_):
        if type_[0] in "[{":
            shape = Shape("list" if type_[0] == "[" else "map")
            shape.item = self.shape(type_[1:-1])
            return shape
        if type_ not in self.classes:
            return Shape(type_)
        shape, node = Shape("object"), self.classes[type_]
        for base in node.bases:
            if getattr(base, "id", None) in self.classes:
                inherited = self.shape(base.id)
                shape.properties |= inherited.properties
                shape.required |= inherited.required
                shape.read_only |= inherited.read_only
        fields, rules = self.table(node, "_attribute_map"), self.table(node, "_validation")
        for field, told in fields.items():
            *outer, name = told["key"].split(".")
            within = functools.reduce(Shape.inner, outer, shape)
            # A copy, as its values are those of this property alone.
            within.properties[name] = copy.copy(self.shape(told["type"]))
            told_of = re.search(rf":ivar {field}:(.*?)\n *:vartype", ast.get_docstring(node) or "", re.S)
            known = re.search(r"Known\s+values\s+are:(.*)", told_of[1] if told_of else "", re.S)
            if known:
                within.properties[name].values = set(re.findall(r'"(\w+)"', known[1]))
            for rule, names in (("required", within.required), ("readonly", within.read_only)):
                if rules.get(field, {}).get(rule):
                    names.add(name)
        return shape

    @staticmethod
    def table(node, name):
        for it in node.body:
            target = getattr(it, "target", None) or (getattr(it, "targets", None) or [None])[0]
            if getattr(target, "id", None) == name:
                return ast.literal_eval(it.value)
        return {}


class Graph:
    """The interfaces of Microsoft Graph's types: names and types of the properties, not of what is in them."""

    def __init__(self, path):
        found = re.findall(r"^export interface (\w+)(?: extends (\w+))? {(.*?)^}", path.read_text(), re.M | re.S)
        self.interfaces = {name: (base, body) for name, base, body in found}

    def shape(self, name):
        base, body = self.interfaces[name]
        shape = self.shape(base) if base else Shape("object")
        for property_, type_ in re.findall(r"^    (\w+)\??: ([^;]+);", body, re.M):
            shape.properties[property_] = self.property(type_)
        return shape

    @staticmethod
    def property(type_):
        type_ = re.sub(r"^NullableOption<(.*)>$", r"\1", type_)
        if type_.endswith("[]"):
            shape = Shape("list")
            shape.item = Graph.property(type_[:-2])
            return shape
        return Shape({"string": "str", "boolean": "bool", "number": "int"}.get(type_, "any"))


def is_expression(value):
    # A property can have these names, too.
    return isinstance(value, dict) and any(isinstance(value.get(it), dict) for it in ("operator", "function"))


def mistakes(value, shape, path, names):
    """What is wrong with a value. The parser shows a name and a text alike, so a text can be any value."""
    if is_expression(value) or shape.kind == "any":
        return
    if shape.kind == "object":
        if not isinstance(value, dict):
            if not isinstance(value, str):
                yield f"{path} is an object"
            return
        for name in value:
            if name not in shape.properties:
                yield f"there is no property {path}.{name}"
            elif name in shape.read_only:
                yield f"{path}.{name} cannot be set"
            else:
                yield from mistakes(value[name], shape.properties[name], f"{path}.{name}", names)
        for name in shape.required - set(value):
            yield f"{path}.{name} is missing"
    elif shape.kind == "list":
        if isinstance(value, list):
            for at, item in enumerate(value):
                yield from mistakes(item, shape.item, f"{path}[{at}]", names)
        elif not isinstance(value, str):
            yield f"{path} is a list"
    elif isinstance(value, str):
        if shape.values and value not in shape.values | names:
            yield f"{path} is {value}, and not one of {', '.join(sorted(shape.values))}"
    elif isinstance(value, (list, dict)) and shape.kind != "map":
        yield f"{path} is a single value"
    elif (shape.kind == "bool") != isinstance(value, bool) and shape.kind in ("bool", "int", "float", "str"):
        yield f"{path} is of another type: {shape.kind}"
    elif shape.kind in ("str", "duration", "iso-8601"):
        yield f"{path} is a text"


def references(node):
    """a.b.c anywhere below, as ("a", ["b", "c"])."""
    if isinstance(node, dict):
        operator = node.get("operator", {})
        if isinstance(operator, dict) and operator.get("type") == "property_accessor":
            path = steps(node)
            if path:
                yield path[0], path[1:]
                return
        for it in node.values():
            yield from references(it)
    elif isinstance(node, list):
        for it in node:
            yield from references(it)
    elif isinstance(node, str):
        for path in re.findall(r"\$\{(\w+(?:\.\w+)+)\}", node):
            root, *rest = path.split(".")
            yield root, rest


def steps(node):
    if isinstance(node, str):
        return [node]
    operator = node.get("operator", {}) if isinstance(node, dict) else {}
    if not isinstance(operator, dict) or operator.get("type") != "property_accessor":
        return []
    sides = [steps(operator["operands"][it]) for it in ("operand_1", "operand_2")]
    return sides[0] + sides[1] if all(sides) else []


def symbols(node):
    """Each name, and whether it is declared, used or called there."""
    for at, child in enumerate(node.children):
        yield from symbols(child)
        if child.type != "identifier":
            continue
        if node.type in ("parameter_declaration", "resource_declaration", "variable_declaration"):
            yield "declared" if at == 1 else "used", child.text.decode()
        elif node.type == "call_expression" and at == 0:
            yield "called", child.text.decode()
        elif (node.type, at) not in (("object_property", 0), ("output_declaration", 1)):
            yield "used", child.text.decode()


def mistakes_of_names(text):
    found = list(symbols(Parser(Language(tree_sitter_bicep.language())).parse(text).root_node))
    names = {kind: {name for of, name in found if of == kind} for kind in ("declared", "used", "called")}
    for name in sorted(names["used"] - names["declared"]):
        yield f"{name} is not declared"
    for name in sorted(names["called"] - FUNCTIONS):
        yield f"{name} is not in this check's list of functions"


def check(path, find):
    yield from mistakes_of_names(path.read_bytes().replace(b"extension microsoftGraphV1", b""))
    parsed = pycep.BicepParser().parse(text=path.read_text())
    names = {name for part in ("parameters", "variables") for name in parsed.get(part, {})}
    shapes = {}
    for symbol, resource in parsed.get("resources", {}).items():
        type_ = resource["type"].split("@")[0] + "@" + resource["api_version"]
        shape = shapes[symbol] = find(type_)
        config = {name: value for name, value in resource["config"].items() if name not in OF_BICEP}
        given = set(resource["config"])
        for mistake in mistakes(config, shape, symbol, names):
            if not any(mistake == f"{symbol}.{name} is missing" for name in given):
                yield mistake
    for root, rest in references(parsed):
        if root not in shapes:
            continue
        shape = shapes[root]
        for name in rest:
            if shape.kind == "any":
                break
            if name not in shape.properties:
                yield f"{root}.{'.'.join(rest)}: there is no {name}"
                break
            shape = shape.properties[name]


def main(models, modules, *folders):
    graph = Graph(modules / "@microsoft/microsoft-graph-types/microsoft-graph.d.ts")

    @functools.cache
    def find(type_):
        if type_ in AZURE:
            folder, name = AZURE[type_]
            return Azure(models / "azure/mgmt" / folder / "models/_models_py3.py").shape(name)
        if type_ not in GRAPH:
            raise ValueError(f"this check has no model of {type_}")
        name, required = GRAPH[type_]
        shape = graph.shape(name)
        shape.required |= required
        return shape

    # The check itself: each of these is a mistake.
    rule = {"location": "x", "propertys": {}, "properties": {"severity": "x", "enabled": 1, "scopes": {}}}
    wrong = mistakes(rule, find("Microsoft.Insights/scheduledQueryRules@2023-12-01"), "rule", set())
    if len(list(wrong)) != 3 or len(list(mistakes_of_names(b"var a = b\nvar c = d()\n"))) != 2:
        raise ValueError("the check does not find what is wrong")
    failed = False
    for path in sorted(path for folder in folders for path in folder.rglob("*.bicep")):
        for mistake in check(path, find):
            failed = True
            print(f"{path}: {mistake}", file=sys.stderr)
    return failed


sys.exit(main(*map(pathlib.Path, sys.argv[1:])))
