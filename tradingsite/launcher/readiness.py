"""Polling ``/readyz`` in a thread, so that the console never waits for an answer."""

import http.client
import json
import threading

POLL_EVERY_S = 0.2
ANSWER_WITHIN_S = 5.0


class ReadinessWatch:
    """Polls until the site is ready; a thread that starts no process and ends with ours."""

    def __init__(self, port: int) -> None:
        self.complaint = "the web site does not answer yet"
        self._port = port
        self._ready = threading.Event()
        self._pause = threading.Event()
        threading.Thread(target=self._poll_until_ready, name="readiness", daemon=True).start()

    @property
    def is_ready(self) -> bool:
        """Whether the site has answered that data flows."""
        return self._ready.is_set()

    def _poll_until_ready(self) -> None:
        while not self._ready.is_set():
            try:
                self.complaint = complaint_of(self._port)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.complaint = f"the web site does not answer ({error})"
            if not self.complaint:
                self._ready.set()
            self._pause.wait(POLL_EVERY_S)


def complaint_of(port: int) -> str:
    """Return what is wrong, by check, or "" when the site is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status == 200:
        return ""
    try:
        checks = json.loads(body)["checks"]
    except (ValueError, KeyError):
        return f"/readyz answers {response.status}"
    return "; ".join(f"{name}: {check['detail']}" for name, check in checks.items() if not check["ok"])
