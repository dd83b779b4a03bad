"""The ``troth`` command: lint, compile, diff and publish a policy; verify a log or a receipt.

Exit codes: 0 everything holds, 1 it does not, 2 the command cannot be carried out as given.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from troth.app import Troth, seal_existing
from troth.commands import (
    back_up,
    check_map,
    check_receipt,
    compare_folders,
    compile_folder,
    draft_map,
    lint,
    open_security_log,
    person_keys,
)
from troth.config import Settings
from troth.core.errors import PolicyError, TrothError
from troth.core.findings import (
    Finding,
    errors,
    render_json,
    render_sarif,
    render_text,
    summary,
)
from troth.core.lint import RULES
from troth.core.policy import ControlStatus
from troth.core.security_event import Event
from troth.flows.security_event import security_event
from troth.governed import tell_of_epoch

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A privacy policy that runs.",
)
policy_app = typer.Typer(no_args_is_help=True, help="Compile, compare and publish a policy.")
ledger_app = typer.Typer(no_args_is_help=True, help="The provable log.")
receipt_app = typer.Typer(no_args_is_help=True, help="Receipts that people hold.")
map_app = typer.Typer(no_args_is_help=True, help="The data map: where personal data lies.")
keys_app = typer.Typer(no_args_is_help=True, help="The keys under which people's data is sealed.")
app.add_typer(policy_app, name="policy")
app.add_typer(map_app, name="map")
app.add_typer(ledger_app, name="ledger")
app.add_typer(receipt_app, name="receipt")
app.add_typer(keys_app, name="keys")

Data = Annotated[Path, typer.Option("--data", help="Folder of the deployment.")]


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def main() -> None:
    """Run the command; an error of ours is one clear line, never a traceback."""
    try:
        app()
    except PolicyError as error:
        typer.echo(render_text(error.findings), err=True)
        raise SystemExit(1) from None
    except TrothError as error:
        typer.echo(f"troth: {error}", err=True)
        raise SystemExit(2) from None
    except OSError as error:  # a folder that cannot be read, a disk that is full
        typer.echo(f"troth: {error.strerror or error}: {error.filename or ''}", err=True)
        raise SystemExit(2) from None


@app.command("lint")
def lint_command(
    paths: Annotated[list[Path], typer.Argument(help="Policy folders or texts.")],
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """Read policies and report what a careful reader would fault; exit 1 on errors."""
    _print([finding for path in paths for finding in lint(path)], output)


def _print(found: Sequence[Finding], output: Format) -> NoReturn:
    """Print findings and end with 1 if there is an error among them."""
    if output is Format.JSON:
        typer.echo(render_json(found))
    elif output is Format.SARIF:
        typer.echo(render_sarif(found, tool_version=version("troth")))
    else:
        typer.echo(render_text(found))
    raise typer.Exit(1 if errors(found) else 0)


@app.command("rules")
def rules_command() -> None:
    """Print every rule of the lint as Markdown: what it faults, why, the law, what to write."""
    typer.echo("| rule | severity | faults | why | write instead | law |")
    typer.echo("| --- | --- | --- | --- | --- | --- |")
    for rule in RULES.values():
        title = f"{rule.title} · {rule.title_zh}"
        cells = (rule.id, rule.severity.value, title, rule.reason, rule.repair, rule.law)
        typer.echo("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")


@policy_app.command("compile")
def compile_command(folder: Annotated[Path, typer.Argument(help="Folder of a policy.")]) -> None:
    """Compile policy files and say what came out."""
    compiled = compile_folder(folder)
    policy = compiled.require()
    count = {s: sum(c.status is s for c in policy.clauses.values()) for s in ControlStatus}
    typer.echo(f"{policy.id} {policy.version}  digest {policy.digest}")
    typer.echo(
        f"{len(policy.clauses)} clauses: {count[ControlStatus.BUILT]} kept, "
        f"{count[ControlStatus.PENDING]} not yet kept, "
        f"{count[ControlStatus.NOT_TESTABLE]} not testable"
    )
    typer.echo(
        f"{len(policy.purposes)} purposes, {len(policy.permissions)} permissions, "
        f"{len(policy.categories)} categories, {len(policy.recipients)} recipient(s)"
    )
    typer.echo(summary(compiled.findings))


@policy_app.command("diff")
def diff_command(
    old: Annotated[Path, typer.Argument(help="Folder of the old policy.")],
    new: Annotated[Path, typer.Argument(help="Folder of the new policy.")],
) -> None:
    """Weigh every change, and say who must be told and who asked again."""
    diff = compare_folders(old, new)
    for change in diff.changes:
        typer.echo(f"{change.weight.value:9} {change.where}")
        if change.before:
            typer.echo(f"          - {change.before}")
        if change.after:
            typer.echo(f"          + {change.after}")
        if change.asked:
            typer.echo(f"          asks again: {', '.join(change.asked)}")
    typer.echo(f"class: {diff.change_class.value}")
    typer.echo(f"required action: {diff.required_action}")
    typer.echo(f"tell the people of: {', '.join(diff.told) or 'nobody'}")
    typer.echo(f"ask again for: {', '.join(diff.asked) or 'nothing'}")


@policy_app.command("publish")
def publish_command(folder: Annotated[Path, typer.Argument()], data: Data) -> None:
    """Publish a policy in a deployment; the version in force again is left as it is."""
    settings = Settings.of(data)
    with open_security_log(settings), closing(Troth.open(settings)) as troth:
        published = troth.publish(folder)
        typer.echo(f"{published.policy.version} is in force, number {published.ordinal}")


@map_app.command("check")
def map_check_command(
    urls: Annotated[
        list[str], typer.Argument(help="Databases: an SQLAlchemy URL each, or store=URL.")
    ],
    map_file: Annotated[Path, typer.Option("--map", help="The data map.")],
    policy: Annotated[Path, typer.Option("--policy", help="Folder of the policy.")],
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.TEXT,
) -> None:
    """Compare map and live databases both ways; exit 1 if anything is missing in either."""
    _print(check_map(map_file, compile_folder(policy).require(), urls), output)


@map_app.command("init")
def map_init_command(
    url: Annotated[str, typer.Argument(help="SQLAlchemy URL of the database.")],
) -> None:
    """Draft a data map from a database: names, patterns and checksums over a few rows."""
    typer.echo(draft_map(url), nl=False)


@ledger_app.command("verify")
def ledger_verify_command(
    data: Data,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="File of checkpoints kept outside.")
    ] = None,
) -> None:
    """Check every leaf, event and checkpoint; exit 1 if anything was tampered with."""
    troth = Troth.open(Settings.of(data), migrates=False)
    try:
        report = troth.verify_ledger(checkpoint or [])
    finally:
        troth.close()
    for fault in report.faults:
        typer.echo(f"{fault.kind.value}: {fault.place}: {fault.sentence}")
    typer.echo(
        f"{report.tree_size} leaves, {report.covered_size} under a checkpoint, "
        f"{report.checkpoints} checkpoint(s), {report.outside_checkpoints} from outside, "
        f"{len(report.uncovered)} event(s) waiting for a leaf"
    )
    typer.echo("the log holds" if not report.faults else f"{len(report.faults)} fault(s)")
    raise typer.Exit(1 if report.faults else 0)


@ledger_app.command("sequence")
def ledger_sequence_command(data: Data) -> None:
    """Turn every event that waits into a leaf, once."""
    troth = Troth.open(Settings.of(data), migrates=False)
    try:
        typer.echo(f"{troth.sequence()} leaves added")
    finally:
        troth.close()


@receipt_app.command("verify")
def receipt_verify_command(
    file: Annotated[Path, typer.Argument(help="The receipt.")],
    key: Annotated[
        list[str] | None, typer.Option(help="Verifier key to trust, or a file that holds it.")
    ] = None,
) -> None:
    """Check a receipt offline, without our database; exit 1 if it does not hold."""
    report = check_receipt(file, key or [])
    for finding in report.findings:
        typer.echo(f"{finding.outcome.value:6} {finding.check.value}: {finding.sentence('en')}")
    typer.echo("the receipt holds" if report.is_intact else "the receipt does not hold")
    raise typer.Exit(0 if report.is_intact else 1)


@app.command("backup")
def backup_command(
    data: Data, to: Annotated[Path, typer.Option("--to", help="File to write.")]
) -> None:
    """Copy the database while it is used; the keys are never part of a backup."""
    for made in back_up(Settings.of(data), to):
        typer.echo(f"{made.file}: {made.size_bytes} bytes, sha256 {made.digest}")


@app.command("seal")
def seal_command(
    column: Annotated[str, typer.Argument(help="table.column, as the data map names it.")],
    data: Data,
    data_map: Annotated[Path, typer.Option("--map", help="The data map.")],
) -> None:
    """Seal a column that came with plain text; run it again after any failure."""
    done = seal_existing(Settings.of(data), data_map, column)
    typer.echo(f"{done.column}: {done.rows} rows, {done.sealed_now} sealed now, {done.empty} empty")


@keys_app.command("rotate")
def keys_rotate(data: Data) -> None:
    """Begin an epoch: what was destroyed before opens from no backup any more."""
    settings = Settings.of(data)
    with open_security_log(settings), closing(person_keys(settings)) as keys:
        done = keys.rotate_epoch()
        tell_of_epoch(done)
    gone = ", ".join(map(str, done.destroyed)) or "none"
    typer.echo(
        f"epoch {done.epoch} began; {done.rewrapped} keys wrapped anew; epochs destroyed: {gone}"
    )


@keys_app.command("rotate-master")
def keys_rotate_master(data: Data) -> None:
    """Replace the master key; nothing that is sealed changes."""
    settings = Settings.of(data)
    with open_security_log(settings), closing(person_keys(settings)) as keys:
        keys.rotate_master()
        security_event(Event.MASTER_KEY_REPLACED)
    typer.echo("the keys of epochs are wrapped by a new master key")


@keys_app.command("backup")
def keys_backup(
    data: Data, to: Annotated[Path, typer.Option("--to", help="File to write.")]
) -> None:
    """Copy the wrapped keys of people; keep copies for days, and never beside the database's."""
    with closing(person_keys(Settings.of(data))) as keys:
        keys.back_up(to)
    typer.echo(f"{to}: wrapped keys; they open nothing without the epochs and the master key")


if __name__ == "__main__":
    main()
