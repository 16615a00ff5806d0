"""Wishes that a function can meet, with the arguments for the number 1, and what a careless reader passes."""

import random
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from engine.challenges.kinds.scaled import PLACE
from engine.challenges.kinds.structured.notes import CITIES, GOODS
from engine.challenges.kinds.tasks.base import NAMES

FUNCTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "order_goods": ("Order goods; quantity is the total.", {"item": "", "quantity": 1, "city": ""}),
    "pay_bill": ("Pay somebody; amount is the total in francs.", {"to": "", "amount": 1, "reason": ""}),
    "heat_room": ("Heat a room; minutes is the whole time.", {"room": "", "minutes": 1, "degrees": ""}),
    "book_seats": ("Book seats on a train; seats is the total.", {"from": "", "to": "", "seats": 1, "day": ""}),
    "reserve_room": ("Reserve a hotel room.", {"guest": "", "city": "", "nights": 1}),
    "send_message": ("Send somebody a message.", {"to": "", "text": ""}),
    "weather_in": ("The weather of the next days.", {"city": "", "days": 1}),
    "set_alarm": ("Wake somebody up.", {"name": "", "time": ""}),
}
"""What can be called: what it does, and an example of its arguments."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ROOMS = ("kitchen", "library", "hall", "studio", "office", "nursery")
REASONS = ("rent", "lessons", "repairs", "childcare", "translation", "gardening")


class Wish(Struct, frozen=True, kw_only=True):
    """What somebody wants, in several wordings, and the function and arguments that meet it."""

    asks: tuple[str, ...]
    function: str
    arguments: dict[str, Any]
    lures: tuple[dict[str, Any], ...]


def _goods(rng: random.Random) -> Wish:
    item, city, each = rng.choice(GOODS), rng.choice(CITIES), rng.randint(3, 29)
    right = {"item": item, "quantity": each, "city": city}
    return Wish(
        asks=(
            f"There are {PLACE} families in our house in {city}, and each needs {each} {item}. Order them, please.",
            f"Please order {item} to {city}: {each} for each of {PLACE} families.",
            f"Every one of {PLACE} families in {city} wants {each} {item}. See to it.",
        ),
        function="order_goods",
        arguments=right,
        lures=({**right, "quantity": each + 1}, {**right, "item": city, "city": item}),
    )


def _bill(rng: random.Random) -> Wish:
    name, reason, each = rng.choice(NAMES), rng.choice(REASONS), rng.randint(11, 140)
    right = {"to": name, "amount": each, "reason": reason}
    return Wish(
        asks=(
            f"{name} is owed for {PLACE} weeks of {reason}, at {each} francs a week. Pay all of it.",
            f"Pay {name} for the {reason}: {PLACE} weeks, {each} francs each.",
            f"For {reason} I owe {name} {each} francs a week, and it has been {PLACE} weeks. Settle it, please.",
        ),
        function="pay_bill",
        arguments=right,
        lures=({**right, "amount": each + 3}, {**right, "to": reason, "reason": name}),
    )


def _heat(rng: random.Random) -> Wish:
    room, each, degrees = rng.choice(ROOMS), rng.randint(3, 18) * 5, str(rng.randint(17, 25))
    right = {"room": room, "minutes": each, "degrees": degrees}
    return Wish(
        asks=(
            f"There will be {PLACE} lessons of {each} minutes in the {room}, one after the other. Keep it at {degrees} "
            "degrees all that time.",
            f"Heat the {room} to {degrees} degrees for {PLACE} lessons of {each} minutes.",
        ),
        function="heat_room",
        arguments=right,
        lures=({**right, "minutes": each + 5}, {**right, "degrees": str(int(degrees) + 2)}),
    )


def _seats(rng: random.Random) -> Wish:
    (start, end), day, each = rng.sample(CITIES, 2), rng.choice(DAYS), rng.randint(2, 9)
    right = {"from": start, "to": end, "seats": each, "day": day}
    return Wish(
        asks=(
            f"On {day} {PLACE} groups of {each} people go from {start} to {end} by train. Book their seats.",
            f"Book the train from {start} to {end} on {day} for {PLACE} groups, {each} people in each.",
        ),
        function="book_seats",
        arguments=right,
        lures=({**right, "from": end, "to": start}, {**right, "seats": each + 1}),
    )


WISHES: tuple[Callable[[random.Random], Wish], ...] = (_goods, _bill, _heat, _seats)
