"""Checks the commands and parameters in the PowerShell scripts of the set-up kit: powershell.py FOLDER...

PowerShell and its modules are not in a package index. So the table has what Microsoft's reference of the
modules Az.Accounts, Az.Compute, Az.ManagedServiceIdentity and Az.Resources has for the commands in use.
"""

import pathlib
import sys

import tree_sitter_powershell
from tree_sitter import Language, Parser

# Required parameters, then optional ones in use.
COMMANDS = {
    "Get-AzADAppFederatedCredential": ("ApplicationObjectId", ""),
    "Get-AzADApplication": ("", "ApplicationId DisplayName"),
    "Get-AzADServicePrincipal": ("", "ApplicationId"),
    "Get-AzContext": ("", ""),
    "Get-AzResourceGroup": ("", "Name"),
    "Get-AzRoleAssignment": ("", "ObjectId RoleDefinitionName Scope"),
    "Get-AzUserAssignedIdentity": ("", "ResourceGroupName"),
    "Get-AzVM": ("", "Name ResourceGroupName"),
    "New-AzADAppFederatedCredential": ("ApplicationObjectId Audience Issuer Name Subject", ""),
    "New-AzADApplication": ("DisplayName", "SignInAudience"),
    "New-AzADServicePrincipal": ("ApplicationId", ""),
    "New-AzRoleAssignment": ("ObjectId RoleDefinitionName", "ObjectType Scope"),
    "New-AzUserAssignedIdentity": ("Location Name ResourceGroupName", ""),
    "Set-StrictMode": ("Version", ""),
    "Update-AzVM": ("IdentityType ResourceGroupName VM", "IdentityId"),
    "Where-Object": ("", "EQ"),
    "Write-Host": ("", ""),
}


def commands(node):
    if node.type == "command":
        name = next(it for it in node.children if it.type == "command_name").text.decode()
        yield node, name, {it.decode().removeprefix("-") for it in parameters(node)}
    for child in node.children:
        yield from commands(child)


def parameters(node):
    """Of this command, and not of one inside of it."""
    for child in node.children:
        if child.type == "command_parameter":
            yield child.text
        elif child.type != "command":
            yield from parameters(child)


def mistakes(text):
    for node, name, given in commands(Parser(Language(tree_sitter_powershell.language())).parse(text).root_node):
        line = node.start_point[0] + 1
        if name not in COMMANDS:
            yield f"line {line}: {name} is not in this check's table: add what the reference says of it"
            continue
        required, optional = (set(it.split()) for it in COMMANDS[name])
        for parameter in sorted(given - required - optional):
            yield f"line {line}: {name} has no parameter {parameter}, or it is not in this check's table"
        for parameter in sorted(required - given):
            yield f"line {line}: {name} needs {parameter}"


def main(*folders):
    # The check itself: each of these is a mistake.
    wrong = b"Get-AzAdApplication -ApplicationId x\nNew-AzADApplication -Name (Get-AzContext -Id x)\n"
    if len(list(mistakes(wrong))) != 4:
        raise ValueError("the check does not find what is wrong")
    failed = False
    for path in sorted(path for folder in folders for path in folder.rglob("*.ps1")):
        for mistake in mistakes(path.read_bytes()):
            failed = True
            print(f"{path}: {mistake}", file=sys.stderr)
    return failed


sys.exit(main(*map(pathlib.Path, sys.argv[1:])))
