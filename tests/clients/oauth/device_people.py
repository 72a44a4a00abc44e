"""Users of the page `/device`, simulated by an HTTP client: sign in, type a code, press a button."""

import re

import httpx


class DevicePerson(httpx.Client):
    """A user who has signed in on the page."""

    def __init__(self, base_url, username, password):
        super().__init__(base_url=base_url, trust_env=False, timeout=30, headers={"Accept": "text/html"})
        answer = self.post("/login", data={"username": username, "password": password, "next": "device"})
        assert (answer.status_code, answer.headers["location"].rpartition("/")[2]) == (303, "device"), answer.text

    def press(self, path, **fields):
        """Sends the form of a page."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        fields["csrf"] = re.search(r'name="csrf" value="([^"]+)"', page.text)[1]
        return self.post(path, data=fields)

    def decide(self, user_code, verdict):
        """Looks up a code and decides about it; returns the page that asked for the decision."""
        question = self.press("/device", user_code=user_code)
        assert question.status_code == 200, question.text
        assert self.press("/device", user_code=user_code, verdict=verdict).status_code == 200
        return question.text
