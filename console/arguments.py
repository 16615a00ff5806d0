"""The commands with their options and arguments, as they are read from the command line."""

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, get_args

from console import subcommands as run
from console.options import (
    CHAIN,
    EMBEDDING,
    FOLDER,
    LAUNCH,
    SERVE,
    SERVICE,
    WATCH,
    a_path,
    a_stake,
    a_word,
    add_options,
)
from console.overview import COMMANDS, Parser, program
from engine.settings import config_path, declared
from engine.values import GatewayMode, ScoringProfile

if TYPE_CHECKING:
    from console.overview import Commands

    Command = Callable[[argparse.Namespace], int]

SHELLS = ("bash", "zsh", "fish")
PROFILES = get_args(ScoringProfile)
SERVICES = ("gateway", "worker", "sidecar", "managing", "scoring", "synthesizing", "template")
CHAIN_LOOKS = {
    "metagraph": "list every neuron of the subnet",
    "hyperparameters": "show the subnet's hyperparameters",
    "neuron": "show one neuron with its weights and commits",
    "quotas": "show how often each validator may ask each miner, now and with another stake",
    "log": "show the latest engine and chain commands with their outcomes",
}
AMOUNTS = {"stake": "add, in tokens", "unstake": "take back", "collateral": "lock", "floor": "keep locked"}
CHAIN_ACTIONS = {
    "register": "register this hotkey; the coldkey pays at most the price shown",
    "serve": "announce this miner's address",
    "weights": "set the planned weights now",
    "commit": "commit to the planned weights, on a subnet with commit-reveal",
    "reveal": "reveal the weights of the oldest commit",
    "stake": "show this hotkey's stake and its coldkey's balance, or add to its stake",
    "unstake": "take this hotkey's stake back to the coldkey",
    "collateral": "lock stake as this hotkey's collateral",
    "floor": "keep this hotkey's collateral from draining below an amount",
}


def read_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line. Raises ConsoleError for unknown or wrong arguments."""
    parser = parser_of(argv[0])
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        arguments.parser.refuse(unknown)
    return arguments


def parser_of(word: str) -> Parser:
    """A parser for the command named by `word` alone, which is faster to build than one for all commands."""
    parser, commands = program()
    adders = {
        "launch": _add_launch,
        "attach": _add_attach,
        "replay": _add_replay,
        "watch": _add_watch,
        "export": _add_export,
        "judge": _add_judge,
        "status": _add_status,
        "doctor": _add_doctor,
        "config": _add_config,
        "backup": _add_backup,
        "restore": _add_restore,
        "wallet": _add_wallet,
        "keys": _add_keys,
        "kinds": _add_kinds,
        "service": _add_service,
        "chain": _add_chain,
        "completion": _add_completion,
    }
    for add in [adders[word]] if word in adders else adders.values():
        add(commands)
    return parser


def _add_command(commands: "Commands", name: str, command: "Command") -> Parser:
    return _add(commands, name, command, COMMANDS[name])


def _add(commands: "Commands", name: str, command: "Command", about: str) -> Parser:
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False)
    parser.set_defaults(command=command, parser=parser)
    return parser


def _add_launch(commands: "Commands") -> None:
    parser = _add_command(commands, "launch", run.launch)
    parser.add_argument(
        "--no-ui", action="store_true", help="run without the screen: JSON lines on stdout, narration on stderr"
    )
    add_options(parser, LAUNCH)


def _add_attach(commands: "Commands") -> None:
    parser = _add_command(commands, "attach", run.attach)
    parser.add_argument("--read-only", action="store_true", help="look only: give no commands")
    add_options(parser, FOLDER)


def _add_replay(commands: "Commands") -> None:
    parser = _add_command(commands, "replay", run.replay)
    parser.add_argument("folder", metavar="DATA_DIR", type=a_path, help="data folder; it is never written to")
    when = "where to start: 14:05, 2026-01-31T14:05Z, or 2h before the last round (default: the last round)"
    parser.add_argument("--at", metavar="TIME", help=when)


def _add_watch(commands: "Commands") -> None:
    parser = _add_command(commands, "watch", run.watch)
    parser.add_argument("--json", action="store_true", help="print the subnet once as JSON, without a screen")
    add_options(parser, WATCH)


def _add_export(commands: "Commands") -> None:
    parser = _add_command(commands, "export", run.export)
    parser.add_argument(
        "table",
        choices=("scores", "rounds", "replies", "weights", "sybil", "round", "recorded"),
        help="what to export; round is one round with the likeness of its answers, recorded is input for 'judge'",
    )
    parser.add_argument("id", metavar="ID", nargs="?", help="with round: the round's id")
    parser.add_argument("--since", metavar="AGE", help="only export records newer than AGE, such as 24h (default: all)")
    parser.add_argument(
        "--format", choices=("csv", "jsonl"), help="output format (default: csv; recorded is always jsonl)"
    )
    parser.add_argument(
        "--out", metavar="FILE", type=a_word, default="-", help="output file, - for stdout (default: -)"
    )
    parser.add_argument(
        "--truths",
        metavar="FILE",
        type=a_path,
        help="with recorded: also write the known answers, in the form of 'judge --probes'",
    )
    parser.add_argument(
        "--with-users",
        action="store_true",
        help="with replies and recorded: include the texts of users' requests and their answers",
    )
    _add_one_round(parser)
    add_options(parser, FOLDER)


def _add_one_round(parser: argparse.ArgumentParser) -> None:
    seen = parser.add_argument_group("one round").add_mutually_exclusive_group()
    seen.add_argument(
        "--points",
        action="store_true",
        help="export each answer's place on the map instead of the likeness of each pair",
    )
    seen.add_argument(
        "--picture",
        metavar="FILE",
        nargs="?",
        const="",
        help="write the likeness and the map as SVG (default: round-ID.svg in this folder)",
    )


def _add_judge(commands: "Commands") -> None:
    parser = _add_command(commands, "judge", run.judge)
    parser.add_argument(
        "rounds",
        metavar="FILE|DATA_DIR",
        type=a_word,
        help="recorded rounds, one per line (- for stdin), or a data folder",
    )
    parser.add_argument("--scoring", choices=PROFILES, default="robust", help="scoring profile (default: robust)")
    parser.add_argument(
        "--embedder",
        metavar="NAME",
        default="minilm",
        help=f"encoder, as launch --encoder: {declared()['encoder'].form} (default: minilm)",
    )
    parser.add_argument("--probes", metavar="FILE", type=a_path, help="known answers, one round per line")
    parser.add_argument(
        "--since", metavar="AGE", help="with a data folder: only judge rounds newer than AGE, such as 24h"
    )
    parser.add_argument("--no-truth", action="store_true", help="with a data folder: ignore the known answers")
    parser.add_argument(
        "--compare",
        nargs="?",
        const="recorded",
        choices=("recorded", *PROFILES),
        help="compare winners and earnings with the recorded judgement (default) or another profile's",
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    add_options(parser, EMBEDDING)


def _add_status(commands: "Commands") -> None:
    parser = _add_command(commands, "status", run.status)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--watch", action="store_true", help="repeat every second until interrupted")
    add_options(parser, FOLDER)


def _add_doctor(commands: "Commands") -> None:
    parser = _add_command(commands, "doctor", run.doctor)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--fix",
        action="store_true",
        help="tighten the permissions of private files and remove stale locks (default: only report them)",
    )
    add_options(parser, LAUNCH)


def _add_config(commands: "Commands") -> None:
    config = commands.add_parser("config", help=COMMANDS["config"], allow_abbrev=False)
    config.set_defaults(parser=config)
    actions = config.add_subparsers(metavar="ACTION", required=True)
    show = _add(actions, "show", run.config_show, "show every setting with its value and source")
    show.add_argument("--json", action="store_true", help="print JSON")
    add_options(show, LAUNCH)
    init = _add(actions, "init", run.config_init, "write a configuration file that explains every setting")
    init.add_argument("--json", action="store_true", help="print JSON")
    init.add_argument("--config", metavar="FILE", type=a_path, help=f"file to write (default: {config_path()})")
    take = _add(actions, "import", run.config_import, "convert another program's .env file into a configuration file")
    take.add_argument(
        "file", metavar="FILE", type=a_path, help="the .env file, for example of a Loosh miner or validator"
    )
    take.add_argument(
        "--role", choices=("miner", "validator"), help="role that the file is for (default: guessed from its names)"
    )
    take.add_argument("--json", action="store_true", help="print JSON")
    take.add_argument("--config", metavar="FILE", type=a_path, help=f"file to write (default: {config_path()})")


def _add_backup(commands: "Commands") -> None:
    parser = _add_command(commands, "backup", run.backup)
    parser.add_argument("file", metavar="FILE", type=a_path, help="file to write, such as node.tar.gz")
    parser.add_argument("--keys", action="store_true", help="include the keys in the data folder, unencrypted")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser, FOLDER)


def _add_restore(commands: "Commands") -> None:
    parser = _add_command(commands, "restore", run.restore)
    parser.add_argument("file", metavar="FILE", type=a_path, help="file written by 'backup'")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser, FOLDER)


def _add_wallet(commands: "Commands") -> None:
    parser = _add_command(commands, "wallet", run.wallet)
    created = "create what is missing: throwaway keys, or your wallet's hotkey (never a coldkey)"
    parser.add_argument("--create", action="store_true", help=created)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_options(parser, CHAIN)


def _add_keys(commands: "Commands") -> None:
    keys = commands.add_parser("keys", help=COMMANDS["keys"], allow_abbrev=False)
    keys.set_defaults(parser=keys)
    actions = keys.add_subparsers(metavar="ACTION", required=True)
    add = _add(actions, "add", run.keys_add, "create a key and print it once")
    add.add_argument("name", metavar="NAME", type=a_word, help="name of the key")
    add.add_argument("--expires", metavar="WHEN", type=a_word, help="12h, 90d or a date (default: never)")
    for what in ("requests", "tokens"):
        for period in ("minute", "month"):
            limit = f"maximum {what} per {period} (default: unlimited)"
            add.add_argument(f"--{what}-per-{period}", metavar="N", type=_a_count, help=limit)
    add.add_argument("--mode", choices=get_args(GatewayMode), help="the gateway's mode for requests that name none")
    add.add_argument(
        "--keep-nothing",
        dest="keeps_nothing",
        action="store_true",
        help="keep its requests and answers out of the gateway's record",
    )
    add.add_argument("--admin", action="store_true", help="let its holder create, list and revoke keys over HTTP")
    rotate = _add(actions, "rotate", run.keys_rotate, "replace a key with a new one and print it once")
    rotate.add_argument("name", metavar="NAME", type=a_word, help="the key to replace; its limits are kept")
    rotate.add_argument(
        "--overlap",
        metavar="PERIOD",
        type=a_word,
        default="24h",
        help="how long the old key stays valid (default: 24h)",
    )
    rotate.add_argument(
        "--expires", metavar="WHEN", type=a_word, help="12h, 90d or a date (default: the lifetime of the old key)"
    )
    listing = _add(actions, "list", run.keys_list, "list the keys by name")
    listing.add_argument("--json", action="store_true", help="print JSON")
    revoke = _add(actions, "revoke", run.keys_revoke, "revoke a key; a running miner notices at once")
    revoke.add_argument("name", metavar="NAME", type=a_word, help="the key to revoke")
    for action in (add, rotate, listing, revoke):
        add_options(action, FOLDER)


def _add_kinds(commands: "Commands") -> None:
    parser = _add_command(commands, "kinds", run.kinds)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_service(commands: "Commands") -> None:
    parser = _add_command(commands, "service", run.service)
    parser.add_argument("name", choices=SERVICES, help="which part")
    add_options(parser, SERVICE)


def _add_completion(commands: "Commands") -> None:
    parser = _add_command(commands, "completion", run.completion)
    parser.add_argument("shell", choices=SHELLS, help="the shell to print it for")


def _a_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) >= 1):
        raise argparse.ArgumentTypeError("must be a whole number of up to 12 digits, from 1")
    return int(text)


def _add_chain(commands: "Commands") -> None:
    chain = commands.add_parser("chain", help=COMMANDS["chain"], allow_abbrev=False)
    chain.set_defaults(parser=chain)
    actions = chain.add_subparsers(metavar="ACTION", required=True)
    for what, about in CHAIN_LOOKS.items():
        look = _add(actions, what, run.chain_look, about)
        look.set_defaults(what=what)
        if what in ("neuron", "quotas"):
            look.add_argument(
                "who", metavar="UID|HOTKEY", nargs="?", default="", help="the neuron (default: the wallet's)"
            )
        if what == "quotas":
            look.add_argument("--stake", metavar="TOKENS", type=a_stake, help="what if the neuron had this much stake?")
        look.add_argument("--json", action="store_true", help="print JSON")
        add_options(look, CHAIN)
    for what, about in CHAIN_ACTIONS.items():
        act = _add(actions, what, run.chain_act, about)
        act.set_defaults(what=what)
        if what == "serve":
            act.add_argument(
                "given_value", metavar="IP:PORT", nargs="?", default="", help="the address to announce, or as options:"
            )
        if what in AMOUNTS:
            optional = what == "stake"
            act.add_argument(
                "given_value",
                metavar="AMOUNT",
                nargs="?" if optional else None,
                default="",
                help=f"how much to {AMOUNTS[what]}{' (default: show the current state)' if optional else ''}",
            )
        act.add_argument("--dry-run", action="store_true", help="show what would change, but send nothing")
        act.add_argument("--yes", action="store_true", help="send without asking")
        act.add_argument("--json", action="store_true", help="print JSON; questions go to stderr")
        add_options(act, SERVE if what == "serve" else CHAIN)
