"""The error body that Atlan's SDKs can read: docs/contracts/atlan.md, section 5.1."""

# Java parses errors with a mapper that fails on any other member.
MEMBERS = {
    "code",
    "errorCode",
    "errorMessage",
    "error_description",
    "errorCause",
    "errorId",
    "message",
    "error",
    "entityGuid",
    "requestId",
    "info",
    "errorDetailsMap",
    "servlet",
    "status",
    "url",
    "doc",
    "causes",
}


def error_of(answer, status):
    """The error body of an answer, after checking its shape and that it is that status."""
    assert answer.status_code == status, f"{answer.status_code}, not {status}: {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()
    assert isinstance(error, dict)
    assert not error.keys() - MEMBERS
    assert isinstance(error["errorCode"], str) and error["errorCode"]
    assert isinstance(error["errorMessage"], str) and error["errorMessage"]
    assert error["message"] == error["errorMessage"]
    assert error["code"] == status
    assert error["status"] == str(status)
    assert isinstance(error["requestId"], str) and error["requestId"]
    for cause in error.get("causes", []):
        assert not cause.keys() - {"errorType", "errorMessage", "location"}
        assert all(isinstance(value, str) for value in cause.values())
    assert len(str(error)) < 20_000, "an error repeats too much of its request"
    return error
