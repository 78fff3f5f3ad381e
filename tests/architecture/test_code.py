"""House rules that a machine can hold: who may see everything, no floats near money, short functions, imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import connector

ROOT = Path(connector.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py"))

# Where a session may see all shops at once, and why.
SYSTEM = {
    "cli": "a command is an operator's, and names shops by their host",
    "worker.py": "walks shops, holds seats, keeps house",
    "conformance/balances.py": "the suite's own database, laid down for one check",
    "operations/doctor.py": "looks at the whole installation",
    "operations/rekey.py": "a key is changed for all that is sealed",
    "operations/content_fees.py": "finds the content that nobody answered, and approves it one by one, by shop",
    "operations/crediting": "finds the shops that it then looks over one by one; a command is an operator's",
    "operations/imports": "a command is an operator's, and names shops by their host",
    "operations/offering": "a command is an operator's, and names shops by their host",
    "operations/options.py": "a command is an operator's, and names shops by their host",
    "operations/paying": "a command is an operator's; a batch or a bank's file covers all shops",
    "operations/privacy": "requests and their deadlines are looked at over all shops; each is answered in its own",
    "operations/telling": "events of all shops are told to the app's back end",
    "operations/ruling": "the rules are the same for all shops' products",
    "operations/sampling": "finds the samples that it then moves on one by one; a policy is the same for all shops",
    "operations/sealing.py": "the sealing job stands behind the writers of all shops",
    "operations/rounds.py": "finds the shops that it then walks one by one",
    "web/guards.py": "who signs in isn't known before the row is read",
    "oauth/begin.py": "a shop that joins has no id yet",
    "oauth/callback.py": "a shop that joins has no id yet",
    "oauth/farewell.py": "which shop left is said by the platform, and isn't known before the row is read",
    "oauth/handover.py": "a hand-over names its store by its state alone; there may be no shop yet",
    "oauth/embedded.py": "which shop a session token is about isn't known before the row is read",
    "oauth/join.py": "a shop that joins has no id yet",
    "webhooks/drain.py": "claims shops; each is then drained in its own scope",
    "webhooks/hooks.py": "whose an address is, is asked over all shops",
    "webhooks/inbox.py": "a delivery names a shop that may not be here",
    "webhooks/line.py": "one INSERT for deliveries of many shops",
    "webhooks/quarantine.py": "whose an id is, is asked over all shops",
    "webhooks/pressure.py": "how many deliveries wait, of all shops",
    "webhooks/preview.py": "a replay may be of deliveries of any shop",
    "webhooks/retention.py": "bodies of all shops go after their time",
    "webhooks/wanted.py": "finds the shops that have something to read",
    "sync/first.py": "a job begins with a run's id and learns the shop from it",
    "sync/proof_text.py": "a command prints the proofs of all shops",
    "sync/schedule.py": "which shops' catalogs are due",
    "sync/watch.py": "the watchdog looks over all running syncs",
    "sync/reconcile.py": "a pass begins with all connected shops",
    "insight/market/index.py": "one index holds the listings of all shops",
    "commerce/shops/grants.py": "finds the grants that end soon",
    "earnings/payouts/hand_over.py": "a payout batch covers all shops",
    "faces/console": "support staff see every shop; the guard asks who they are",
    "faces/dashboard/connect.py": "a merchant who joins has no shop yet",
    "faces/studio/sign_in.py": "who signs in isn't known before the row is read",
    "faces/dashboard/sign_in.py": "who signs in isn't known before the row is read",
    "faces/api": "the app's back end reads over all shops with its own scopes",
}
# Rooms where money is computed or booked.
MONEY = ("money.py", "events.py", "commerce/orders", "earnings", "programme/collaborations", "operations/books.py")
# True division is exact only on Fractions: it is used on them here, and on paths there, and nowhere else.
DIVIDES = {"earnings/commission/rate.py": "fractions"}
LONGEST = 80


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_everything_is_seen_only_where_the_list_says() -> None:
    found: set[str] = set()
    for path in FILES:
        for call in calls(ast.parse(path.read_text())):
            if ast.unparse(call.func).endswith("Scope.system"):
                where = name(path)
                assert call.args, f"{where}:{call.lineno} gives no reason"
                listed = [place for place in SYSTEM if where == place or where.startswith(place + "/")]
                assert listed, f"{where}:{call.lineno} opens a session over all shops; it is not on the list"
                found.update(listed)
    assert "cli" in found  # the walk works


def test_no_float_is_near_money() -> None:
    wrong = []
    for path in FILES:
        if not name(path).startswith(MONEY):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            at = f"{name(path)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                wrong.append(f"{at} has the float {node.value}")
            elif isinstance(node, ast.Name) and node.id == "float":
                wrong.append(f"{at} names float")
            elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
                wrong += [] if name(path) in DIVIDES else [f"{at} divides"]
    assert wrong == []


def test_functions_are_short() -> None:
    long = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST and "migrations/versions" not in name(path):
                    long.append(f"{name(path)}:{node.lineno} {node.name} has {lines} lines")
    assert long == []


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "managers", "manager", "common", "misc", "base"}
    assert [name(path) for path in FILES if drawers & set(path.with_suffix("").relative_to(ROOT).parts)] == []


def test_no_http_is_called_inside_a_write() -> None:
    """Nothing that reaches a store is called by name inside `with db.write(…)`."""
    reaching = {"client_for", "calling", "ensure_subscribed", "bulk_start", "bulk_state", "Outbound"}
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.With) and any(".write(" in ast.unparse(item.context_expr) for item in node.items):
                for call in calls(node):
                    called = ast.unparse(call.func).rsplit(".", 1)[-1]
                    if called in reaching:
                        wrong.append(f"{name(path)}:{call.lineno} calls {called} inside a write")
    assert wrong == []


def test_nothing_imports_the_sandbox() -> None:
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            wrong += [
                f"{name(path)}:{node.lineno}" for one in names if one.split(".")[0] in ("sandbox", "tests", "bench")
            ]
    assert wrong == []


def test_the_import_rules_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "tables.py"], ids=name)
def test_tables_hold_mapped_classes_only(path: Path) -> None:
    functions = [node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert functions == []


def words(*places: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for place in places:
        for path in (ROOT.parent / place).rglob("*"):
            if path.suffix in (".py", ".html", ".toml", ".mako"):
                found.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", path.read_text(encoding="utf-8")))
    return found


def test_nothing_is_defined_for_nobody() -> None:
    """A function, class or constant of a module is named a second time somewhere that isn't a test."""
    named = words("connector", "sandbox", "bench")
    # Imported modules that register something by being imported; lists that tests walk; tables that only SQL names.
    kept = {"JOBS", "ROOMS", "FILLED_BY", "RULES", "STATES", "SearchPosting", "SearchColumn"}
    unused = []
    for path in [*FILES, *(ROOT.parent / "sandbox").rglob("*.py")]:
        if "migrations/versions" in path.as_posix() or "conformance/template" in path.as_posix():
            continue
        for node in ast.parse(path.read_text()).body:
            names = [target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)]
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list:
                names = [node.name]
            unused += [f"{path.parent.name}/{path.name}: {one}" for one in names if named[one] == 1 and one not in kept]
    assert [one for one in unused if "__" not in one] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("platforms/*/payloads.py")), ids=lambda path: path.parent.name)
def test_payloads_declare_what_is_read_and_no_more(path: Path) -> None:
    """A field that need not be there is read by its platform; one without a default is a check of the shape."""
    reads = "\n".join(each.read_text() for each in path.parent.glob("*.py"))
    assert [
        f"{shape.name}.{field.target.id}"
        for shape in ast.parse(path.read_text()).body if isinstance(shape, ast.ClassDef)
        for field in shape.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.value is not None
        and not re.search(rf"\.{field.target.id}\b|[\"']{field.target.id}[\"']", reads)
    ] == []  # fmt: skip
