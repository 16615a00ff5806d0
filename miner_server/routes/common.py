"""What every dialect's callers, monitors and strangers may look up: availability, health and metrics."""

from starlette.routing import Route

from engine.text import safe
from miner_server.admission import Admission
from miner_server.answering import Answering
from miner_server.call import Call, Reply, json_reply
from miner_server.endpoint import Calls, Handler
from miner_server.metrics import CONTENT_TYPE, Metrics

AVAILABILITY_PATH = "/availability"
HEALTH_PATH = "/health"
METRICS_PATH = "/metrics"
NAME_WIDTH = 120


class CommonRoutes:
    def __init__(self, admission: Admission, answering: Answering, metrics: Metrics) -> None:
        self._admission = admission
        self._answering = answering
        self._metrics = metrics

    def routes(self, calls: Calls) -> list[Route]:
        handlers: dict[str, Handler] = {
            AVAILABILITY_PATH: self.availability,
            HEALTH_PATH: self.health,
            METRICS_PATH: self.metrics,
        }
        return [Route(path, calls.endpoint(path, handler), methods=["GET"]) for path, handler in handlers.items()]

    async def availability(self, call: Call) -> Reply:
        """Whether a challenge would be answered now (facts/loosh 1.1).

        Validators ask no miner that does not say so: where one of them came from, nobody else can use up the rate.
        """
        if not self._admission.knows(call.host):
            self._admission.stranger("lookup", call.host, call.route)
        queue, unready = self._answering.queue, self._answering.unready
        full = "the queue is full" if queue.queued >= queue.waiting else ""
        reason = unready.said if unready else full
        return json_reply({"available": False, "reason": reason} if reason else {"available": True})

    async def health(self, call: Call) -> Reply:
        """200 as long as the server lives; whether it is of use is in the fields."""
        self._admission.stranger("lookup", call.host, call.route)
        answering, queue = self._answering, self._answering.queue
        return json_reply(
            {
                "status": answering.unready.said if answering.unready else "ready",
                "backend": answering.backend.name,
                "model": safe(answering.backend.model, NAME_WIDTH),
                "in_flight": queue.in_flight,
                "capacity": queue.slots,
                "queued": queue.queued,
                "queue_limit": queue.waiting,
            }
        )

    async def metrics(self, call: Call) -> Reply:
        self._admission.stranger("lookup", call.host, call.route)
        return Reply(200, self._metrics.page(), CONTENT_TYPE)
