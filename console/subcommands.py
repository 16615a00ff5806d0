"""What each command of the command line does with its arguments. Returns the exit code."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console.errors import ExitCode
from console.options import chain_configuration, configuration, launch_configuration
from engine.locks import folder_holder
from engine.redaction import hide_known
from engine.settings import config_path
from engine.settings.layers import DEFAULT
from engine.values import at_port


def launch(arguments: argparse.Namespace) -> int:
    """Run the engine, under the screen unless `--no-ui` was given."""
    found = launch_configuration(arguments)
    if not arguments.no_ui:
        from console.terminal import check_terminal

        check_terminal(os.environ)
        if (holder := folder_holder(found.settings.data_dir)) is not None:
            from console import attach

            if attach.is_wanted(found.settings.data_dir, holder):
                return attach.attach(found.settings.data_dir, read_only=found.settings.read_only)
        from console.parent import divide

        parted = divide()
        if isinstance(parted, int):
            return parted
        from console import launch

        return launch.run(found, on_screen=True, release=parted.release)
    from console import launch

    return launch.run(found, on_screen=False)


def attach(arguments: argparse.Namespace) -> int:
    """Show an engine that runs, or list all of them when no folder is named."""
    from console.attach import attach, running_here

    found = configuration(arguments)
    if found.sources["data_dir"] != DEFAULT:
        return attach(found.settings.data_dir, read_only=arguments.read_only)
    _print("\n".join(running_here()))
    return ExitCode.DONE


def service(arguments: argparse.Namespace) -> int:
    """Run a part of a validator until a signal ends it."""
    from console.service import service

    return service(arguments.name, configuration(arguments))


def replay(arguments: argparse.Namespace) -> int:
    """Show a data folder's record in the screens."""
    from console.replay import replay

    return replay(arguments.folder, at=arguments.at)


def watch(arguments: argparse.Namespace) -> int:
    """Show a subnet, or print it once."""
    from console.watch import watch, watch_once

    settings = configuration(arguments).settings
    if not arguments.json:
        return watch(settings)
    _print(_json(watch_once(settings)))
    return ExitCode.DONE


def export(arguments: argparse.Namespace) -> int:
    """Write a table of the record, one round, or rounds for `judge`."""
    from console.export import export

    if arguments.table == "round":
        return _export_round(arguments)
    if arguments.id is not None:
        arguments.parser.refuse([arguments.id])
    if arguments.points or arguments.picture is not None:
        arguments.parser.error("--picture and --points need one round: export round ID")
    if arguments.table == "recorded":
        return _export_recorded(arguments)
    if arguments.truths is not None:
        arguments.parser.error("--truths only works with 'export recorded'")
    with _readable(configuration(arguments).settings.data_dir) as folder:
        export(
            arguments.table,
            data_dir=folder,
            since=arguments.since,
            format=arguments.format or "csv",
            out=arguments.out if arguments.out == "-" else Path(arguments.out),
            with_users=arguments.with_users,
        )
    return ExitCode.DONE


def _export_recorded(arguments: argparse.Namespace) -> int:
    from console.export.recorded import export_recorded

    if arguments.format == "csv":
        arguments.parser.error("recorded rounds are always JSON lines: use --format jsonl")
    with _readable(configuration(arguments).settings.data_dir) as folder:
        export_recorded(
            data_dir=folder,
            since=arguments.since,
            out=arguments.out if arguments.out == "-" else Path(arguments.out),
            truths=arguments.truths,
            with_users=arguments.with_users,
        )
    return ExitCode.DONE


def _export_round(arguments: argparse.Namespace) -> int:
    from console.export import one_round

    if arguments.id is None:
        arguments.parser.error("which round? Use 'export round ID'; 'export rounds' lists them")
    if arguments.since is not None:
        arguments.parser.error("--since does not apply to a single round")
    with _readable(configuration(arguments).settings.data_dir) as folder:
        if arguments.picture is not None:
            written = one_round.export_picture(arguments.id, data_dir=folder, out=arguments.picture)
            if written is not None:
                _print(f"written: {written.absolute()}")
            return ExitCode.DONE
        out = arguments.out if arguments.out == "-" else Path(arguments.out)
        numbers = one_round.export_points if arguments.points else one_round.export_pairs
        numbers(arguments.id, data_dir=folder, format=arguments.format or "csv", out=out)
    return ExitCode.DONE


def judge(arguments: argparse.Namespace) -> int:
    """Judge recorded rounds again, or compare judgements."""
    from console.judge import judge

    if arguments.json and arguments.compare is None:
        arguments.parser.error("--json only works with --compare: judgements are JSON lines already")
    with _readable(Path(arguments.rounds)) as rounds:
        return judge(
            "-" if arguments.rounds == "-" else rounds,
            scoring=arguments.scoring,
            embedder=arguments.embedder,
            probes=arguments.probes,
            since=arguments.since,
            truths=not arguments.no_truth,
            against=arguments.compare,
            as_json=arguments.json,
            settings=configuration(arguments).settings,
        )


def kinds(arguments: argparse.Namespace) -> int:
    """Print the kinds of challenges."""
    from console.kinds import listed, table

    found = listed()
    _print(_json(found) if arguments.json else "\n".join(table(found)))
    return ExitCode.DONE


def status(arguments: argparse.Namespace) -> int:
    """Print what the engine of the data folder does, or did last."""
    from console.status import status, statuses

    folder = configuration(arguments).settings.data_dir
    if not arguments.watch:
        _print(status(folder, as_json=arguments.json))
        return ExitCode.DONE
    clear = "" if arguments.json or not sys.stdout.isatty() else "\x1b[H\x1b[J"
    apart = "" if arguments.json or clear else "\n"
    for text in statuses(folder, as_json=arguments.json):
        _print(f"{clear}{text}{apart}")
        sys.stdout.flush()
    return ExitCode.DONE


def doctor(arguments: argparse.Namespace) -> int:
    """Print the results of the checks, and with `--fix` what was fixed."""
    from console import findings
    from console.doctor.examination import examine
    from console.doctor.fixes import fixed
    from console.doctor.terminal import size_of
    from console.terminal import STDOUT

    def look() -> list[findings.Result]:
        return examine(lambda: launch_configuration(arguments), size=size_of(STDOUT))

    results, tried = look(), []
    if arguments.fix and (possible := findings.fixes_of(results)):
        tried = fixed(possible)
        results = look()
    _print(findings.as_json(results, tried) if arguments.json else findings.text(results, tried))
    return findings.exit_code(results)


def chain_look(arguments: argparse.Namespace) -> int:
    """Print what was read from the chain."""
    from console.chain import reads

    settings = chain_configuration(arguments).settings
    if arguments.what == "neuron":
        return _print_found(reads.neuron(settings, arguments.who), as_json=arguments.json)
    if arguments.what == "quotas":
        return _print_found(reads.quotas(settings, arguments.who, arguments.stake), as_json=arguments.json)
    looks = {
        "metagraph": reads.metagraph,
        "hyperparameters": reads.hyperparameters,
        "log": reads.log,
    }
    return _print_found(looks[arguments.what](settings), as_json=arguments.json)


def chain_act(arguments: argparse.Namespace) -> int:
    """Write to the chain, after asking, and print the outcome."""
    from console.chain.extrinsics import act
    from console.streams import narrate

    settings, typed = chain_configuration(arguments).settings, getattr(arguments, "given_value", "")
    if arguments.what == "stake" and not typed:
        from console.chain import reads

        return _print_found(reads.stake(settings), as_json=arguments.json)
    if arguments.what == "serve" and not typed:
        if not settings.external_ip:
            arguments.parser.error("which address? Use 'chain serve IP:PORT', or --external-ip and --external-port")
        typed = at_port(settings.external_ip, settings.external_port or settings.port)
    done = act(
        arguments.what,
        settings,
        typed=typed,
        dry_run=arguments.dry_run,
        yes=arguments.yes,
        tell=narrate if arguments.json else _print,
    )
    _print(_json(done) if arguments.json else str(done))
    return done.exit_code


def backup(arguments: argparse.Namespace) -> int:
    """Save a stopped node's record to one file."""
    from console import backups

    folder = configuration(arguments).settings.data_dir
    made = backups.backup(folder, arguments.file, with_keys=arguments.keys)
    _print(_json(made) if arguments.json else "\n".join((f"written: {arguments.file}", *backups.told(made))))
    return ExitCode.DONE


def restore(arguments: argparse.Namespace) -> int:
    """Restore a data folder from a backup."""
    from console import backups

    folder = configuration(arguments).settings.data_dir
    made = backups.restore(arguments.file, folder)
    again = "before you start it, stop the old node for good: two nodes with one hotkey disturb each other"
    _print(_json(made) if arguments.json else "\n".join((f"restored: {folder}", *backups.told(made), again)))
    return ExitCode.DONE


def wallet(arguments: argparse.Namespace) -> int:
    """Print the wallet that would sign, made before if asked for."""
    from console.chain.signer import create_wallet, wallet

    found = (create_wallet if arguments.create else wallet)(chain_configuration(arguments).settings)
    return _print_found(found, as_json=arguments.json)


def keys_add(arguments: argparse.Namespace) -> int:
    """Create a key and print it, alone on stdout."""
    from console import api_keys

    key = api_keys.add(
        configuration(arguments).settings.data_dir,
        arguments.name,
        expires=arguments.expires,
        limits=api_keys.limits_of(arguments),
        manner=api_keys.manner_of(arguments),
    )
    sys.stdout.write(f"{key}\n")
    return ExitCode.DONE


def keys_rotate(arguments: argparse.Namespace) -> int:
    """Replace a key with a new one and print it, alone on stdout."""
    from console import api_keys

    key = api_keys.rotate(
        configuration(arguments).settings.data_dir,
        arguments.name,
        overlap=arguments.overlap,
        expires=arguments.expires,
    )
    sys.stdout.write(f"{key}\n")
    return ExitCode.DONE


def keys_list(arguments: argparse.Namespace) -> int:
    """List the keys."""
    from console import api_keys

    folder = configuration(arguments).settings.data_dir
    _print(_json(api_keys.listed(folder)) if arguments.json else "\n".join(api_keys.table(folder)))
    return ExitCode.DONE


def keys_revoke(arguments: argparse.Namespace) -> int:
    """Revoke a key."""
    from console import api_keys

    api_keys.revoke(configuration(arguments).settings.data_dir, arguments.name)
    _print(f"revoked: {arguments.name}")
    return ExitCode.DONE


def config_show(arguments: argparse.Namespace) -> int:
    """Print every setting with its source."""
    from console.config import show

    _print(show(configuration(arguments), as_json=arguments.json))
    return ExitCode.DONE


def config_init(arguments: argparse.Namespace) -> int:
    """Write a commented configuration file."""
    import json

    from console.config import init

    path = (arguments.config or config_path()).absolute()
    init(path)
    _print(json.dumps({"written": str(path)}) if arguments.json else f"written: {path}")
    return ExitCode.DONE


def config_import(arguments: argparse.Namespace) -> int:
    """Convert another program's file into a configuration file, and print how each line was used."""
    from console.config_import import import_file, report

    path = (arguments.config or config_path()).absolute()
    _print(report(import_file(arguments.file, path, arguments.role), path, as_json=arguments.json))
    return ExitCode.DONE


def completion(arguments: argparse.Namespace) -> int:
    """Print the completion script."""
    from console.completion import script

    sys.stdout.write(script(arguments.shell, "subnet-console"))
    return ExitCode.DONE


@contextmanager
def _readable(folder: Path) -> Iterator[Path]:
    """Where the store of a data folder can be read, be it of an older version; anything else stays what it is."""
    from console.record.private_copy import readable
    from console.streams import narrate

    with readable(folder, narrate) as found:
        yield found


def _print_found(found: dict[str, Any], *, as_json: bool) -> int:
    from console.chain.reads import facts

    _print(_json(found) if as_json else "\n".join(facts(found)))
    return ExitCode.DONE


def _json(value: Any) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()


def _print(text: str) -> None:
    """Print a command's output; a secret that slipped through is hidden here."""
    sys.stdout.write(hide_known(text) + "\n")
