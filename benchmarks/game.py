"""A game of made-up rounds: questions with what is true and false about them, and honest miners who answer them.

The questions are those of a synthetic source, so that every seed is another game; what is said to them comes from the
demo's phrases. Everything is a function of the seed.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from random import Random

from msgspec import Struct

from console.demo import phrases
from engine.challenges.kinds.base import Question
from engine.challenges.sources.synthetic import Deck
from engine.judge.encoding.encoders import CachedEncoder
from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import Challenge, Judgement, Reply, Request

SKILLS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6)
"""How often each of the honest miners is right: those of the recorded populations."""

KNOWN_SHARE = 0.13
"""The share of closed questions whose answer the validator knows, as in the recorded populations."""

OPEN_SHARE, OPEN_KNOWN_SHARE = 0.25, 0.2
"""The share of open questions, and of these the share about which the validator knows what is true and false."""

WORDINGS = (
    ("My neighbour wanted to know this and I had no good answer ready. {0}", "For your neighbour: {0}"),
    ("This came up at work: {0}", "Since this came up at work: {0}"),
    ("For a quiz evening I collect questions of every sort. {0}", "For the quiz evening: {0}"),
    ("{0} My sister and I could not agree on it.", "You and your sister may settle it so. {0}"),
    ("I found this in an old notebook: {0}", "The notebook asks something simple. {0}"),
    ("Somebody on the train put it to me. {0}", "Tell the person on the train: {0}"),
    ("{0} I shall read it to my class.", "To read to the class: {0}"),
    ("A customer wrote to us: {0}", "You may write back to the customer: {0}"),
    ("Please help me with a crossword. {0}", "For the crossword: {0}"),
    ("{0} It is for a radio programme.", "For the radio: {0}"),
    ("We argued over it at lunch. {0}", "After such a lunch: {0}"),
    ("My grandmother would like to know: {0}", "Your grandmother may hear this. {0}"),
    ("{0} I am writing a leaflet.", "For the leaflet: {0}"),
    ("There is a bet between two friends of mine. {0}", "Whoever made the bet: {0}"),
)
"""Ways to ask a question, and to answer it in the words in which it was asked."""

POOL = 24
"""Right and wrong texts to choose from, so that two miners seldom say the same by chance."""


class Scene(Struct, frozen=True):
    """One round before anyone answers: `right` and `wrong` are texts to choose from."""

    number: int
    challenge: Challenge
    question: Question
    right: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        return self.question.truth is None


class Said(Struct, frozen=True):
    """What a miner says: `prompt` is the wording in which it was asked, "" for the common one."""

    text: str
    ms: float
    right: bool = False
    prompt: str = ""


class Player(Struct, frozen=True):
    """A hotkey in a round and what it says; `honest` for those whose pay is the measure."""

    hotkey: str
    said: Said
    honest: bool


class Played(Struct, frozen=True):
    """A judged round."""

    scene: Scene
    players: tuple[Player, ...]
    judgement: Judgement

    def pay(self, hotkey: str) -> float:
        return next((one.emission for one in self.judgement.verdicts if one.hotkey == hotkey), 0.0)


def scenes(seed: int, rounds: int, *, known: float = KNOWN_SHARE) -> list[Scene]:
    """The questions of a game; `known` is the share of closed questions whose answer the validator knows."""
    deck = Deck(seed, {"chat": 1.0}, probe_share=1 - OPEN_SHARE)
    return [_scene(seed, number, deck.question(number)[1], known) for number in range(rounds)]


def _scene(seed: int, number: int, question: Question, known: float) -> Scene:
    rng = Random(f"{seed}:{number}:scene")
    pools = [Random(f"{seed}:{number}:{place}") for place in range(POOL)]
    knows = rng.random() < (OPEN_KNOWN_SHARE if question.truth is None else known)
    return Scene(
        number,
        asked(f"{seed}-{number}", question, knows=knows),
        question,
        tuple(phrases.right(one, question, 4) for one in pools),
        tuple(phrases.wrong(one, question) for one in pools),
    )


def asked(id: str, question: Question, *, knows: bool) -> Challenge:
    """The challenge that a validator makes of a question whose answer it `knows`, or not."""
    return Challenge(
        id=id,
        kind="chat",
        source="synthetic",
        created_at=0.0,
        request=question.request,
        answer_type=question.answer_type,
        truth=known_truth(question) if knows else None,
        lures=question.lures if knows else (),
    )


def known_truth(question: Question) -> str | None:
    """The answer, or what is true of an open question: its statements, each in one wording."""
    return json.dumps([point[0] for point in question.points]) if question.truth is None else question.truth


def honest(seed: int, scene: Scene, *, worded: bool) -> list[Said]:
    """What the honest miners say, the strongest first; where questions are `worded`, half of them answer in the words
    in which they were asked."""
    found = []
    for place, skill in enumerate(SKILLS):
        rng = Random(f"{seed}:{scene.number}:honest:{place}")
        right = rng.random() < skill
        text = (scene.right if right else scene.wrong)[(place * 3 + rng.randrange(3)) % POOL]
        prompt = ""
        if worded:
            asked, answered = wording(place)
            prompt = asked.format(scene.challenge.request.question)
            text = answered.format(text) if rng.random() < 0.5 else text
        found.append(Said(text, rng.uniform(1_500, 4_500), right, prompt))
    return found


def wording(place: int) -> tuple[str, str]:
    """How the miner at this place is asked, and how it answers in the same words."""
    return WORDINGS[place % len(WORDINGS)]


Others = Callable[[Scene, Sequence[Said]], Iterable[Player]]


def play(
    seed: int,
    board: Sequence[Scene],
    encoder: CachedEncoder,
    others: Others,
    *,
    temperature: float = 0.7,
    worded: bool = False,
) -> list[Played]:
    """All rounds of a game, in order: the honest miners, and whoever `others` sends beside them."""
    history, played = History(), []
    for scene in board:
        said = honest(seed, scene, worded=worded)
        players = [Player(f"honest-{place}", one, honest=True) for place, one in enumerate(said)]
        players += others(scene, said)
        challenge = _at(scene.challenge, temperature)
        replies = [_reply(place, player) for place, player in enumerate(players)]
        vectors = profiles.vectors("robust", challenge, replies, encoder.encode)
        judgement, history = profiles.judge("robust", challenge, replies, vectors, history)
        played.append(Played(scene, tuple(players), judgement))
    return played


def _at(challenge: Challenge, temperature: float) -> Challenge:
    request: Request = challenge.request
    return Challenge(
        **{field: getattr(challenge, field) for field in Challenge.__struct_fields__ if field != "request"},
        request=Request(messages=request.messages, temperature=temperature),
    )


def _reply(place: int, player: Player) -> Reply:
    """The reply as a validator gets it; every hotkey has an address and a coldkey of its own."""
    return Reply(
        uid=place,
        hotkey=player.hotkey,
        coldkey=f"cold-{player.hotkey}",
        ip=f"198.51.{place // 250}.{place % 250 + 1}",
        ms=player.said.ms,
        text=player.said.text,
        prompt=player.said.prompt,
    )
