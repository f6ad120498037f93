"""The product's own source, read without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = (ROOT, ROOT / "providers", ROOT / "pipelines")


@dataclass(frozen=True)
class Module:
    """One file: its dotted name, where it is, what it says."""

    name: str
    path: str
    text: str
    is_package: bool = False


@dataclass(frozen=True)
class Import:
    """`importer` names `imported` at `path:line`."""

    importer: str
    imported: str
    where: str


@dataclass(frozen=True)
class Function:
    """A function's length in lines, its docstring left out."""

    where: str
    lines: int


def product() -> dict[str, Module]:
    """Every module of the packages that are shipped, by name."""
    found = (module for root in SOURCE_ROOTS for module in _below(root))
    return {module.name: module for module in found}


def packages() -> list[Path]:
    """The folders of the top-level packages that are shipped."""
    candidates = (path for root in SOURCE_ROOTS for path in sorted(root.iterdir()))
    return [path for path in candidates if path.is_dir() and path.name.startswith("deployer")]


def imports(modules: Mapping[str, Module]) -> Iterator[Import]:
    """All imports, at module level and inside functions, relative ones resolved; also
    `import_module("name")`. `from package import module` counts as importing that module."""
    for module in modules.values():
        for node in ast.walk(ast.parse(module.text)):
            for name in _imported(node, module, modules):
                line = getattr(node, "lineno", 0)
                yield Import(module.name, name, f"{module.path}:{line}")


def functions(module: Module) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    for node in ast.walk(ast.parse(module.text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(f"{module.path}:{node.lineno} {node.name}", _length(node))


def _below(root: Path) -> Iterator[Module]:
    for package in sorted(root.glob("deployer*")):
        for path in sorted(package.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            yield Module(name, str(path.relative_to(ROOT)), path.read_text(), is_package)


def _imported(node: ast.AST, module: Module, known: Mapping[str, Module]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node, module)
        for alias in node.names:
            full = f"{base}.{alias.name}"
            yield full if full in known else base
    elif isinstance(node, ast.Call):
        yield from _dynamic(node)


def _absolute(node: ast.ImportFrom, module: Module) -> str:
    if not node.level:
        return node.module or ""
    drop = node.level - 1 if module.is_package else node.level
    parts = module.name.split(".")
    return ".".join([*parts[: len(parts) - drop], *([node.module] if node.module else [])])


def _dynamic(node: ast.Call) -> Iterator[str]:
    called = ast.unparse(node.func).split(".")[-1]
    if called in ("import_module", "__import__") and node.args:
        name = node.args[0]
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is None:
        return total
    docstring = node.body[0]
    return total - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)
