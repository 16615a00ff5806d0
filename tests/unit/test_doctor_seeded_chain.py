"""What is wrong with the wallet, on chain and with the clock is named by the doctor, with what to do."""

import json
import os
import time

import pytest
from msgspec.structs import replace

from console.doctor import clock
from engine.chain.embedded.sandbox import adopted
from engine.chain.substrate import chain as substrate
from engine.chain.wallets import throwaway
from tests.unit.chain_helpers import kept_process, key
from tests.unit.doctor_seeds import NETUID, RULES, Host, Seeds, dated, require_named, written

SEEDS = Seeds()


@SEEDS.add("wallet", "no wallet is named")
def a_real_network_without_a_wallet(host: Host) -> None:
    host.at_engine()
    host.settings |= {"wallet_name": "", "network": "finney"}


@SEEDS.add("wallet", "does not exist: copy you")
def the_wallet_is_elsewhere(host: Host) -> None:
    host.settings["wallet_path"] = str(host.home / "nowhere")


@SEEDS.add("wallet", "")
def the_hotkey_is_another_ones(host: Host) -> None:
    path = host.keys / "hotkeys" / "default"
    told = json.loads(path.read_text()) | {"ss58Address": key("Eve").ss58_address}
    written(path, json.dumps(told))


@SEEDS.add("wallet", "encrypted")
def the_hotkey_is_encrypted(host: Host) -> None:
    written(host.keys / "hotkeys" / "default", b"$NACL" + bytes(40))


@SEEDS.add("hotkey file", "can be read or written by others")
def the_hotkey_is_readable(host: Host) -> None:
    (host.keys / "hotkeys" / "default").chmod(0o640)


@SEEDS.add("coldkey", "is not encrypted")
def an_open_coldkey_is_here(host: Host) -> None:
    written(host.keys / "coldkey", '{"secretPhrase": "…"}')


@SEEDS.add("coldkey file", "can be read or written by others")
def the_encrypted_coldkey_is_readable(host: Host) -> None:
    written(host.keys / "coldkey", b"$NACL" + bytes(40), 0o644)


@SEEDS.add("chain", "ws://127.0.0.1:1")
def the_node_is_down(host: Host) -> None:
    host.patch.setattr(substrate, "NodeProcess", kept_process)
    host.settings["network"] = "ws://127.0.0.1:1"


@SEEDS.add("endpoint", "ws://127.0.0.1:1")
def one_endpoint_is_down(host: Host) -> None:
    node = host.at_node()
    host.settings["network"] = f"ws://127.0.0.1:1,{node.url}"


@SEEDS.add("chain", "no subnet 77")
def the_subnet_is_not_on_this_chain(host: Host) -> None:
    host.at_node()
    host.settings["netuid"] = 77


@SEEDS.add("funds", "the coldkey has τ0", "registration", "axon")
def the_coldkey_cannot_pay(host: Host) -> None:
    host.at_node(registered=False)


@SEEDS.add("registration", "has no uid", "axon")
def nobody_registered_it(host: Host) -> None:
    host.at_node(registered=False).fund(host.wallet.coldkey_address, 100)


@SEEDS.add("registration", "closed to registrations", "axon")
def registration_is_closed(host: Host) -> None:
    node = host.at_node(registered=False)
    node.chain.store("NetworkRegistrationAllowed", NETUID, value=False)


@SEEDS.add("axon", "no address is announced")
def nothing_is_announced(host: Host) -> None:
    node = host.at_node(registered=False)
    node.chain.amend(adopted(node.head.state, hotkey=host.hotkey, coldkey=host.wallet.coldkey_address, stake=0))


@SEEDS.add("permit", "permits go to")
def a_validator_without_stake(host: Host) -> None:
    host.at_node()
    host.settings |= {"role": "validator", "encoder": "hashing"}


@SEEDS.add("owner", "as this hotkey's coldkey")
def the_coldkeypub_is_another_wallets(host: Host) -> None:
    host.at_node()
    other = throwaway(host.home / "others", "other")
    (host.home / "others" / "other" / "coldkeypub.txt").replace(host.keys / "coldkeypub.txt")
    assert other.coldkey_address != host.wallet.coldkey_address


@SEEDS.add("place", "the next registration takes uid 1")
def it_is_the_next_to_go(host: Host) -> None:
    node = host.at_node(replace(RULES, max_uids=2, min_mortal=0, immunity_period=0))
    node.chain.store("SubnetOwnerHotkey", NETUID, value=key("validator").ss58_address)


@SEEDS.add("place", "it has earned nothing yet")
def its_immunity_ends_without_earnings(host: Host) -> None:
    host.at_node(replace(RULES, immunity_period=30))


@SEEDS.add("clock against chain", "s behind")
def the_clock_is_behind_the_chain(host: Host) -> None:
    dated(host.at_node(), time.time() + 45)


@SEEDS.add("clock against chain", "s ahead of the chain")
def the_clock_is_ahead_of_the_chain(host: Host) -> None:
    dated(host.at_node(), time.time() - 300)


@SEEDS.add("clock", "in the future")
def the_clock_was_set_back(host: Host) -> None:
    later = time.time() + 3600
    os.utime(written(host.folder / "status.json", "{}"), (later, later))


@SEEDS.add("clock", "not synchronised")
def nothing_keeps_the_clock(host: Host) -> None:
    host.patch.setattr(clock, "kept_by_kernel", lambda: False)


@pytest.mark.parametrize("wrong", SEEDS)
def test_it_is_named_and_nothing_else_is(wrong: str, host: Host) -> None:
    require_named(SEEDS[wrong], host)
