"""Hold our Admin schema subset, and any list of documents, against Shopify's real Admin schema 2026-10.

The real schema is an introspection result inside the npm package `@shopify/dev-mcp` 1.16.0 (ISC licence,
Shopify Inc.), file `dist/data/admin_2026-10.json.gz`. It is not part of this repository: unpack the package
(`npm pack @shopify/dev-mcp@1.16.0`, then tar) and point `SHOPIFY_SCHEMA_DIR` at it; default `var/npm/shopify-dev-mcp`.

    python -m sandbox.shopify.check_schema                  compare schema.graphql with the real schema
    python -m sandbox.shopify.check_schema a.graphql b.py   also validate every document found in those files
    python -m sandbox.shopify.check_schema --cut            write schema.graphql anew from schema_cut.txt
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_client_schema,
    build_schema,
    get_named_type,
    parse,
    print_type,
    validate,
)
from graphql.type import specified_scalar_types

HERE = Path(__file__).resolve().parent
SUBSET_FILE = HERE / "schema.graphql"
CUT_FILE = HERE / "schema_cut.txt"
DEFAULT_DIR = "var/npm/shopify-dev-mcp"
ADMIN_FILE = "dist/data/admin_2026-10.json.gz"


class RealSchemaMissing(Exception):
    """The npm package that holds the real schema is not unpacked on this machine; `remedy` says what to do."""

    def __init__(self, looked_in: Path) -> None:
        self.remedy = (
            f"the real Admin schema is not at {looked_in}: run `npm pack @shopify/dev-mcp@1.16.0`, unpack it there, "
            "or set SHOPIFY_SCHEMA_DIR"
        )
        super().__init__(self.remedy)


def real_schema_file() -> Path:
    """Where the introspection result lies. Raises RealSchemaMissing when it is absent."""
    root = Path(os.environ.get("SHOPIFY_SCHEMA_DIR", DEFAULT_DIR))
    for candidate in (root / ADMIN_FILE, root / "package" / ADMIN_FILE):
        if candidate.is_file():
            return candidate
    raise RealSchemaMissing(root)


def load_real_schema() -> GraphQLSchema:
    """The Admin schema 2026-10 as published. It is taken as valid: its own checks cost ten seconds."""
    with gzip.open(real_schema_file()) as packed:
        return build_client_schema(json.load(packed)["data"], assume_valid=True)


@functools.cache
def load_subset() -> GraphQLSchema:
    """Our own SDL, read once a process: nothing changes it afterwards."""
    return build_schema(SUBSET_FILE.read_text())


def differences(subset: GraphQLSchema, real: GraphQLSchema) -> list[str]:
    """Every way in which the subset says something that the real schema does not. Empty: the subset is true."""
    found: list[str] = []
    for name, ours in subset.type_map.items():
        if name.startswith("__") or ours in specified_scalar_types.values():
            continue
        theirs = real.type_map.get(name)
        if theirs is None:
            found.append(f"{name}: no such type")
        elif type(ours) is not type(theirs):
            found.append(f"{name}: {type(ours).__name__}, really {type(theirs).__name__}")
        elif isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
            if set(ours.values) != set(theirs.values):
                found.append(f"{name}: values {sorted(set(ours.values) ^ set(theirs.values))} differ")
        elif isinstance(ours, GraphQLUnionType) and isinstance(theirs, GraphQLUnionType):
            extra = {t.name for t in ours.types} - {t.name for t in theirs.types}
            found += [f"{name}: {t} is no member" for t in sorted(extra)]
        elif isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
            found += _field_differences(name, ours, theirs)
            found += [
                f"{name}.{f}: required input field is missing"
                for f, field in theirs.fields.items()
                if f not in ours.fields and str(field.type).endswith("!") and field.default_value is None
            ]
        elif isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
            assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType)
            found += _field_differences(name, ours, theirs)
            extra_interfaces = {i.name for i in ours.interfaces} - {i.name for i in theirs.interfaces}
            found += [f"{name}: does not implement {i}" for i in sorted(extra_interfaces)]
    return found


def _field_differences(
    type_name: str,
    ours: GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType,
    theirs: GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType,
) -> list[str]:
    found: list[str] = []
    for name, field in ours.fields.items():
        real = theirs.fields.get(name)
        where = f"{type_name}.{name}"
        if real is None:
            found.append(f"{where}: no such field")
            continue
        if str(field.type) != str(real.type):
            found.append(f"{where}: type {field.type}, really {real.type}")
        if isinstance(field, GraphQLField) and isinstance(real, GraphQLField):
            for argument, ours_arg in field.args.items():
                if argument not in real.args:
                    found.append(f"{where}({argument}): no such argument")
                elif str(ours_arg.type) != str(real.args[argument].type):
                    found.append(f"{where}({argument}): {ours_arg.type}, really {real.args[argument].type}")
            for argument, real_arg in real.args.items():
                if argument not in field.args and str(real_arg.type).endswith("!"):
                    found.append(f"{where}({argument}): required argument is missing")
    return found


def validate_documents(documents: Iterable[str], schema: GraphQLSchema | None = None) -> list[str]:
    """Validate GraphQL documents against the real Admin schema (or the schema given).

    Returns one line per error, with the operation it is in; an empty list means that all of them would be accepted.
    Raises RealSchemaMissing when no schema is given and the npm package is absent.
    """
    against = schema if schema is not None else load_real_schema()
    errors: list[str] = []
    for number, text in enumerate(documents):
        label = next(iter(re.findall(r"(?:query|mutation|fragment)\s+(\w+)", text)), f"document {number}")
        try:
            document = parse(text)
        except GraphQLError as error:
            errors.append(f"{label}: {error.message}")
            continue
        errors += [f"{label}: {error.message}" for error in validate(against, document)]
    return errors


def documents_in(path: Path) -> list[str]:
    """GraphQL documents in a `.graphql` file (one document) or in a Python file (its string literals that are one)."""
    if path.suffix == ".graphql":
        return [path.read_text()]
    literals = re.findall(r'"""(.*?)"""', path.read_text(), flags=re.S)
    return [text for text in literals if re.match(r"\s*(query|mutation|fragment)\s+\w+.*\{", text, flags=re.S)]


# --- cutting the subset -------------------------------------------------------------------------------------------


def read_cut(text: str) -> dict[str, dict[str, list[str]]]:
    """{type: {field: [arguments]}} from the lines of schema_cut.txt."""
    wanted: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        type_name, _, rest = line.partition(":")
        fields = re.findall(r"(\w+)(?:\(([^)]*)\))?", rest)
        wanted[type_name.strip()] = {name: arguments.split() for name, arguments in fields}
    return wanted


def cut(real: GraphQLSchema, wanted: dict[str, dict[str, list[str]]]) -> str:
    """SDL of the wanted types and fields, with every type taken from the real schema. Descriptions are left out."""
    kept: dict[str, GraphQLNamedType] = {}
    for name, fields in wanted.items():
        theirs = real.type_map[name]
        if isinstance(theirs, GraphQLInputObjectType):
            kept[name] = GraphQLInputObjectType(name, {f: theirs.fields[f] for f in fields})
            continue
        assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType), name
        made: dict[str, GraphQLField] = {}
        for f, arguments in fields.items():
            source = theirs.fields[f]
            required = [a for a, arg in source.args.items() if str(arg.type).endswith("!")]
            chosen = [a for a in source.args if a in arguments or a in required]
            missing = set(arguments) - set(source.args)
            if missing:
                raise KeyError(f"{name}.{f} has no argument {missing}")
            made[f] = GraphQLField(
                source.type,
                args={a: source.args[a] for a in chosen},
                deprecation_reason=source.deprecation_reason,
            )
        interfaces = [i for i in theirs.interfaces if i.name in wanted and set(wanted[i.name]) <= set(fields)]
        kind = type(theirs)
        kept[name] = kind(name, made, interfaces=interfaces)
    _complete(real, kept)
    blocks = ["schema {\n  query: QueryRoot\n  mutation: Mutation\n}"]
    for name in sorted(kept):
        theirs = kept[name]
        theirs.description = None
        blocks.append(_undescribed(theirs))
    return (
        "# Subset of Shopify's Admin API 2026-10, cut by check_schema.py from the introspection result in the npm\n"
        "# package @shopify/dev-mcp 1.16.0 (ISC licence, Shopify Inc.). Not to be edited: cut again.\n\n"
        + "\n\n".join(blocks)
        + "\n"
    )


def _complete(real: GraphQLSchema, kept: dict[str, GraphQLNamedType]) -> None:
    """Add the scalars, enums and unions that kept fields mention; refuse object types that nobody listed."""
    for owner in list(kept.values()):
        assert isinstance(owner, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
        for field_name, field in owner.fields.items():
            mentioned = [get_named_type(field.type)]
            if isinstance(field, GraphQLField):
                mentioned += [get_named_type(argument.type) for argument in field.args.values()]
            for named in mentioned:
                if named.name in kept or named.name in specified_scalar_types:
                    continue
                theirs = real.type_map[named.name]
                if isinstance(theirs, GraphQLUnionType):
                    members = [t for t in theirs.types if t.name in kept]
                    kept[named.name] = GraphQLUnionType(named.name, members)
                elif isinstance(theirs, GraphQLEnumType | GraphQLScalarType):
                    kept[named.name] = theirs
                else:
                    raise KeyError(f"{owner.name}.{field_name} needs {named.name}, which schema_cut.txt does not list")


def _undescribed(named: GraphQLNamedType) -> str:
    text = print_type(named)
    text = re.sub(r'^\s*"""(?:.|\n)*?"""\n', "", text, flags=re.M)
    text = re.sub(r'@deprecated\(reason: (?:"""(?:.|\n)*?"""|"(?:[^"\\]|\\.)*")\)', "@deprecated", text)
    text = re.sub(r' @specifiedBy\(url: "[^"]*"\)', "", text)
    return re.sub(r"\n\s*\n", "\n", text)


def main(arguments: list[str]) -> int:
    try:
        real = load_real_schema()
    except RealSchemaMissing as missing:
        print(missing.remedy, file=sys.stderr)
        return 2
    if arguments == ["--cut"]:
        SUBSET_FILE.write_text(cut(real, read_cut(CUT_FILE.read_text())))
        print(f"wrote {SUBSET_FILE.name}")
        return 0
    problems = differences(load_subset(), real)
    documents = [text for path in arguments for text in documents_in(Path(path))]
    problems += validate_documents(documents, real)
    for problem in problems:
        print(problem)
    print(f"{len(load_subset().type_map)} types, {len(documents)} documents, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
