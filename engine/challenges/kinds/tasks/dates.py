"""The calendar and the clock."""

import random
from calendar import isleap
from datetime import date, timedelta

from engine.challenges.kinds.tasks.base import Family, Task, choice_task, number_task, yes_no_task

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def weekday_later(rng: random.Random) -> Task:
    """The weekday a number of days after another."""
    today, days = rng.randrange(7), rng.randint(8, 90)
    asks = (
        f"Today is {WEEKDAYS[today]}. What day of the week will it be in {days} days?",
        f"If it is {WEEKDAYS[today]} now, which day of the week is it {days} days later?",
    )
    return choice_task(rng, "weekday", asks, WEEKDAYS[(today + days) % 7], WEEKDAYS)


def weekday_of(rng: random.Random) -> Task:
    """The weekday of a date."""
    day = date(1980, 1, 1) + timedelta(days=rng.randrange(365 * 60))
    asks = (
        f"Which day of the week is {_written(day)} in the Gregorian calendar?",
        f"On which weekday does {_written(day)} fall?",
    )
    return choice_task(rng, "weekday", asks, WEEKDAYS[day.weekday()], WEEKDAYS)


def days_between(rng: random.Random) -> Task:
    """The number of days from one date to another."""
    first = date(1990, 1, 1) + timedelta(days=rng.randrange(365 * 45))
    days = rng.randint(10, 200)
    span = _written(first), _written(first + timedelta(days=days))
    asks = (
        f"How many days after {span[0]} is {span[1]}?",
        f"How many days must pass from {span[0]} until it is {span[1]}?",
    )
    return number_task(rng, "days between", asks, days, [days - 1, days + 1])


def leap_year(rng: random.Random) -> Task:
    """Whether a year has 366 days."""
    year = rng.choice((rng.randint(1800, 2100), rng.randrange(1804, 2100, 4), rng.randrange(1700, 2500, 100)))
    asks = (f"Is {year} a leap year in the Gregorian calendar?", f"Does the year {year} have a 29 February?")
    return yes_no_task(rng, "leap year", asks, isleap(year))


def clock(rng: random.Random) -> Task:
    """The time of day after a number of minutes, on a 24-hour clock."""
    start, minutes = rng.randrange(6 * 60, 18 * 60, 5), rng.randrange(35, 300, 5)
    asks = (
        f"A train leaves at {_time(start)} and travels for {minutes} minutes. At what time does it arrive?",
        f"A film starts at {_time(start)} and lasts {minutes} minutes. At what time does it end?",
    )
    end = start + minutes
    slips = [_time(end + slip) for slip in (-60, -10, 10, 40, 60)]
    return choice_task(rng, "clock", [f"{text} Write it as HH:MM." for text in asks], _time(end), slips)


def _written(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


FAMILIES: tuple[Family, ...] = (weekday_later, weekday_of, days_between, leap_year, clock)
