"""Writers that record what the server acknowledged, for tests that kill it during the load."""

import threading
import time
import uuid

import httpx

from servers import personas_of, token_of

KEYS = "/api/service/apikeys"


class Writers:
    """Threads that create, update and delete keys until the server is gone; what they note is what it acknowledged."""

    def __init__(self, server, personas, updated, doomed):
        self.server = server
        self.personas = personas
        self.created = {}  # guid: token
        self.deleted = {}  # guid: token
        self.unsure = set()  # guids whose delete got no answer
        self.written = {
            guid: (0, 0) for guid in updated
        }  # guid: number of the last acknowledged and the last sent update
        self.errors = []
        jobs = [self.create, self.create]
        jobs += [lambda guid=guid: self.update(guid) for guid in updated]
        jobs += [lambda half=doomed[n::2]: self.delete(half) for n in range(2)]
        self.threads = [threading.Thread(target=self.until_the_end, args=(job,)) for job in jobs]

    def start(self):
        """Returns once every kind of write has been acknowledged."""
        for thread in self.threads:
            thread.start()
        deadline = time.monotonic() + 30
        while not (self.created and self.deleted and all(done for done, _ in self.written.values())):
            assert time.monotonic() < deadline and not self.errors, self.errors[:3]
            time.sleep(0.005)

    def join(self):
        for thread in self.threads:
            thread.join(timeout=60)
        assert not self.errors, self.errors[:3]

    def until_the_end(self, job):
        try:
            job()
        except httpx.TransportError:
            pass  # the server is gone
        except Exception as error:  # a thread's exception would be lost
            self.errors.append(error)

    def create(self):
        with self.server.holder_of(self.server.token) as client:
            for _ in range(5000):
                created = client.create()
                self.created[created["id"]] = token_of(created)

    def update(self, guid):
        """Alternates between two states, each a name and a set of personas that belong together."""
        with self.server.holder_of(self.server.token) as client:
            for number in range(1, 5000):
                self.written[guid] = (self.written[guid][0], number)
                client.update(guid, state_name(number), personaQualifiedNames=state_personas(self.personas, number))
                self.written[guid] = (number, number)

    def delete(self, keys):
        with self.server.holder_of(self.server.token) as client:
            for guid, token in keys:
                self.unsure.add(guid)
                answer = client.delete(f"{KEYS}/{guid}")
                assert answer.status_code == 200, answer.text
                self.unsure.remove(guid)
                self.deleted[guid] = token


def state_name(number):
    return f"update {number}"


def state_personas(personas, number):
    """The even updates write the first half of the personas, the odd ones the second."""
    half = len(personas) // 2
    return personas[:half] if number % 2 == 0 else personas[half:]


def number_of(api_key):
    return int(api_key["displayName"].removeprefix("update "))


def is_unmixed(api_key, personas):
    return personas_of(api_key) == set(state_personas(personas, number_of(api_key)))


def in_parallel(*jobs):
    """Runs the jobs at the same moment and returns what they returned."""
    results, barrier = [None] * len(jobs), threading.Barrier(len(jobs))

    def run(index, job):
        barrier.wait()
        try:
            results[index] = job()
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results


def unique(what):
    return f"{what}-{uuid.uuid4()}"
