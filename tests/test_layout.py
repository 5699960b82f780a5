"""Who may import whom, and what an installation puts where."""

import ast
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("curate", "filters", "jobs", "manifests")
ALLOWED = {
    "jobs": {"jobs", "curate", "filters", "manifests"},
    "curate": {"curate", "filters", "manifests"},
    "filters": {"filters"},
    "manifests": {"manifests"},
}


def _imports(path: Path) -> set[str]:
    """Top-level names of everything that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", OURS)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        used = _imports(path)
        assert used & set(OURS) <= ALLOWED[package], path
        assert "ray" not in used or package == "jobs", path


def test_decoding_needs_neither_torch_nor_ray() -> None:
    """The decoding child starts in a fraction of a second and within its memory limit."""
    import subprocess
    import sys

    code = (
        "import sys, curate.measure, curate.scan\n"
        "print('torch' in sys.modules, 'ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("package", OURS)
def test_no_other_distribution_owns_our_names(package: str) -> None:
    assert set(packages_distributions().get(package, ["rushes"])) == {"rushes"}


def test_the_command_is_installed() -> None:
    (entry,) = distribution("rushes").entry_points.select(group="console_scripts")
    assert (entry.name, entry.value) == ("rushes", "jobs.cli:main")


def test_files_and_functions_have_a_readable_size() -> None:
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert len(text.splitlines()) <= 400, path
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                    assert node.end_lineno - node.lineno < 90, (path, node.name)
