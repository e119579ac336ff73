# An application of redis-py: `python3 redis-py.py ORDERS.json`. Prints whom it finds, then each write; SIGTERM ends it.
# The same as Application in program/application.ts, in the same lines.
import json
import signal
import sys
import threading
import time

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, ResponseError, TimeoutError
from redis.retry import Retry
from redis.sentinel import Sentinel

MAX_WRITES = 200_000
stopping = threading.Event()
printing = threading.Lock()


def recommended():
    """The options that docs/clients.md recommends."""
    return {
        "socket_connect_timeout": 1,
        "socket_timeout": 2,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.01), 30),
        "retry_on_error": [ConnectionError, TimeoutError],
        "retry_on_timeout": True,
    }


OPTIONS = {"redis-py": recommended, "redis-py-default": dict}


def shout(value):
    with printing:
        print(json.dumps(value, separators=(",", ":")), flush=True)


def now_ms():
    return time.monotonic_ns() / 1e6


class Client:
    def __init__(self, orders):
        self.orders = orders
        password = orders.get("password")
        options = OPTIONS[orders["client"]]()
        login = {} if password is None else {"password": password}
        # Asking a sidecar is not retried: the next one is asked instead.
        asking = {key: value for key, value in options.items() if key.startswith("socket_")}
        addresses = [(sentinel["host"], sentinel["port"]) for sentinel in orders["sentinels"]]
        self.sentinel = Sentinel(addresses, sentinel_kwargs={**asking, **login}, **options, **login)
        self.master = self.sentinel.master_for(orders["masterName"])

    def find(self):
        name = self.orders["masterName"]
        master = self.sentinel.discover_master(name)
        replicas = self.sentinel.discover_slaves(name)
        self.sentinel.slave_for(name).ping()
        return {
            "master": "%s:%s" % master,
            "replicas": ["%s:%s" % replica for replica in replicas],
            "library": "redis-py " + redis.__version__,
        }

    def write(self, key, value):
        """Returns (outcome, whether it is acknowledged, reason)."""
        wait = self.orders.get("wait")
        try:
            if wait is None:
                self.master.set(key, value)
                return "acknowledged", True, None
            pipeline = self.master.pipeline(transaction=False)
            pipeline.set(key, value)
            pipeline.wait(wait["replicas"], wait["timeoutMs"])
            done, replicas = pipeline.execute(raise_on_error=False)
            if isinstance(done, ResponseError):
                raise done
            if isinstance(replicas, ResponseError):
                return "acknowledged", True, str(replicas)
            if replicas >= wait["replicas"]:
                return "confirmed", True, None
            return "acknowledged", True, "WAIT reported %d replicas" % replicas
        except Exception as error:  # whatever the application would see
            reason = "%s: %s" % (type(error).__name__, error)
            return ("refused" if isinstance(error, ResponseError) else "unknown"), False, reason


def run(name, client):
    orders = client.orders
    mark = "py-%d" % round(now_ms())
    for n in range(MAX_WRITES):
        if stopping.is_set():
            return
        key, value = "%s:%d" % (orders["keyPrefix"], n), "%s-%d" % (mark, n)
        started = now_ms()
        outcome, is_acknowledged, reason = client.write(key, value)
        ended = now_ms()
        shout([name, key, value, started, ended if is_acknowledged else None, ended, outcome, reason])
        time.sleep((orders["intervalMs"] if is_acknowledged else orders["pauseAfterErrorMs"]) / 1000)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with open(sys.argv[1], encoding="utf-8") as file:
        clients = {name: Client(orders) for name, orders in json.load(file).items()}
    try:
        shout({"found": next(iter(clients.values())).find()})
    except Exception as error:  # it may write all the same
        shout({"notFound": "%s: %s" % (type(error).__name__, error)})
    threads = [threading.Thread(target=run, args=item) for item in clients.items()]
    for thread in threads:
        thread.start()
    # A signal is handled between two steps of this thread, so it must not wait for ever in one.
    while any(thread.is_alive() for thread in threads):
        threads[0].join(0.1)
        threads[-1].join(0.1)
    shout("end")


main()
