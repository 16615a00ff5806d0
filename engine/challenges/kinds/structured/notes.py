"""Notes of everyday business, with the value that says the same.

The values are for the number 1. A lure is what a careless reader writes: a field forgotten, two names swapped, a
number that was not multiplied out or is a text.
"""

import random
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from engine.challenges.kinds.scaled import PLACE
from engine.challenges.kinds.tasks.base import NAMES

CITIES = ("Lisbon", "Oslo", "Prague", "Dublin", "Vienna", "Turin", "Ghent", "Malmö", "Kraków", "Porto", "Basel", "Riga")
GOODS = ("lamps", "chairs", "mirrors", "kettles", "blankets", "clocks", "baskets", "plates", "brushes", "candles")
FOODS = ("flour", "rice", "sugar", "butter", "lentils", "oats", "cheese", "carrots", "beans", "spinach")
DISHES = ("pie", "soup", "stew", "salad", "curry", "bake")


class Note(Struct, frozen=True, kw_only=True):
    """A note, the fields that are asked for in words, and its value with wrong ones."""

    text: str
    fields: str
    value: dict[str, Any]
    lures: tuple[dict[str, Any], ...]
    topic: str


def _order(rng: random.Random) -> Note:
    name, city, goods = rng.choice(NAMES), rng.choice(CITIES), rng.sample(GOODS, 3)
    counts = [rng.randint(2, 19) for _ in goods]
    held = ", ".join(f"{count} {good}" for count, good in zip(counts, goods, strict=True))
    items = [{"name": good, "quantity": count} for good, count in zip(goods, counts, strict=True)]
    value = {"customer": name, "city": city, "boxes": 1, "items": items}
    swapped = [{"name": good, "quantity": count} for good, count in zip(goods[::-1], counts, strict=True)]
    return Note(
        text=f"{name} from {city} orders {PLACE} boxes; one box holds {held}.",
        fields=(
            'the texts "customer" and "city", the number "boxes", and "items", a list with "name" and "quantity" of '
            "each sort in the order of the note, the quantity being that of all boxes together"
        ),
        value=value,
        lures=({**value, "items": swapped}, {**value, "items": items[:2]}, _as_texts(value, "boxes")),
        topic="order",
    )


def _trips(rng: random.Random) -> Note:
    name, (start, end) = rng.choice(NAMES), rng.sample(CITIES, 2)
    distance, fuel = rng.randint(21, 480), rng.randint(2, 39)
    value = {"driver": name, "from": start, "to": end, "trips": 1, "kilometres": distance, "litres": fuel}
    return Note(
        text=f"{name} drove from {start} to {end} {PLACE} times, {distance} km and {fuel} litres of fuel each time.",
        fields=(
            'the texts "driver", "from" and "to" and the numbers "trips", "kilometres" and "litres", the last two for '
            "all trips together"
        ),
        value=value,
        lures=(
            {**value, "from": end, "to": start},
            {**value, "kilometres": fuel, "litres": distance},
            {**value, "kilometres": distance + 1},
        ),
        topic="trips",
    )


def _meal(rng: random.Random) -> Note:
    name, dish, foods = rng.choice(NAMES), rng.choice(DISHES), rng.sample(FOODS, 3)
    grams = [rng.randint(3, 60) * 5 for _ in foods]
    each = ", ".join(f"{weight} g of {food}" for weight, food in zip(grams, foods, strict=True))
    value = {"cook": name, "dish": dish, "people": 1, "grams": dict(zip(foods, grams, strict=True))}
    return Note(
        text=f"{name} cooks a {dish} for {PLACE} people and takes for each of them {each}.",
        fields=(
            'the texts "cook" and "dish", the number "people", and "grams", an object with the weight of each '
            "ingredient for all people together"
        ),
        value=value,
        lures=(
            {**value, "grams": dict(zip(foods, grams[1:] + grams[:1], strict=True))},
            {key: child for key, child in value.items() if key != "dish"},
            _as_texts(value, "people"),
        ),
        topic="meal",
    )


def _stay(rng: random.Random) -> Note:
    name, city = rng.choice(NAMES), rng.choice(CITIES)
    room, price, meals = str(rng.randint(101, 699)), rng.randint(48, 260), rng.randint(1, 4)
    value = {"guest": name, "city": city, "room": room, "nights": 1, "price": price, "meals": meals}
    return Note(
        text=f"{name} has room {room} in {city} for {PLACE} nights, at {price} francs and with {meals} meals a night.",
        fields=(
            'the texts "guest", "city" and "room" and the numbers "nights", "price" and "meals", the last two for the '
            "whole stay"
        ),
        value=value,
        lures=(
            {**value, "price": meals, "meals": price},
            {**value, "room": str(int(room) + 1)},
            {**value, "price": price + 2},
        ),
        topic="stay",
    )


def _as_texts(value: dict[str, Any], field: str) -> dict[str, Any]:
    return {**value, field: "several"}


NOTES: tuple[Callable[[random.Random], Note], ...] = (_order, _trips, _meal, _stay)
