"""`tessera login` typed into a terminal (tmux), of the usual width and of a narrow one."""

import pytest

from device_people import DevicePerson
from device_terminal import CODE
from servers import ADMIN_PASSWORD
from tmux import Tmux


@pytest.fixture(params=[80, 40])
def terminal(request, server, tmp_path):
    terminal = Tmux(tmp_path, request.param, TESSERA_SERVER=server.base_url)
    terminal.columns = request.param
    yield terminal
    terminal.close()


def begin(terminal):
    """Types the command, and returns the code that it shows."""
    terminal.type("tessera login")
    terminal.wait_for("Waiting")
    return CODE.search("\n".join(terminal.lines()))[0]


def test_a_person_reads_the_address_and_the_code_and_signs_in(server, terminal):
    code = begin(terminal)
    complete = f"{server.base_url}/device?user_code={code}"
    rows, lines = terminal.rows(), terminal.lines()
    # The page and the code stand alone in a row, which a double click marks as a whole.
    for whole in (f"{server.base_url}/device", code):
        assert whole in [row.strip() for row in rows], rows
    assert complete in [line.strip() for line in lines], "nothing is inserted into the longer address"
    for line in lines:
        assert len(line) <= terminal.columns or line.strip() == complete, f"{line} is broken in the middle"
    DevicePerson(server.base_url, "admin", ADMIN_PASSWORD).decide(code, "approve")
    terminal.wait_for("Signed in as admin")
    terminal.wait_for_prompt()
    assert all(len(line) <= terminal.columns or line.strip() == complete for line in terminal.lines())
    assert "tss_" not in "\n".join(terminal.lines())
    terminal.clear()
    terminal.type('token="$(tessera token)"; echo "${#token} characters"; tessera whoami')
    terminal.wait_for(f"admin at {server.base_url}")
    assert "76 characters" in terminal.lines(), terminal.lines()


def test_ctrl_c_ends_the_waiting_and_nobody_is_signed_in(server, terminal):
    code = begin(terminal)
    terminal.press("C-c")
    terminal.wait_for_prompt()
    DevicePerson(server.base_url, "admin", ADMIN_PASSWORD).decide(code, "approve")
    terminal.type("tessera whoami")
    terminal.wait_for("tessera: there is no session")
    assert not list((terminal.folder / ".config" / "tessera" / "sessions").iterdir())
