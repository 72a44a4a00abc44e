"""The issuers of workloads, and the tokens that they give to jobs and pods."""

import json
import secrets
import subprocess
import time

from certified_provider import HERE, NODE, NODE_MODULES
from servers import free_port

AUDIENCE = "https://tessera.example.org"


class Issuer:
    """npm's oidc-provider as a process of its own; `claims` are those of an honest token."""

    def __init__(self, claims, rule):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.honest, self.required = claims, rule
        self.process = subprocess.Popen(
            [NODE, HERE / "issuer.mjs", NODE_MODULES, self.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        while (line := self.process.stdout.readline()) != "ready\n":
            assert line, "the issuer has ended"

    def rule(self, name="deployments", **more):
        return {"name": name, "issuer": self.url, "audience": AUDIENCE, "claims": self.required} | more

    def claims(self, lifetime=300):
        now = int(time.time())
        standard = {"iss": self.url, "aud": AUDIENCE, "iat": now, "nbf": now, "exp": now + lifetime}
        return standard | {"jti": secrets.token_hex(8)} | self.honest

    def token(self, claims=None, head=None, foreign=False):
        order = {"claims": claims or self.claims(), "head": head or {}, "foreign": foreign}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline().strip()).count(".") != 2 or " " in line:
            assert line, "the issuer has ended"
        return line

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


def github():
    """As docs.github.com describes the token of a job."""
    claims = {
        "sub": "repo:octo-org/octo-repo:environment:production",
        "repository": "octo-org/octo-repo",
        "repository_id": "123456",
        "repository_owner": "octo-org",
        "repository_owner_id": "65",
        "environment": "production",
        "ref": "refs/heads/release/7",
        "ref_type": "branch",
        "workflow": "deploy",
        "job_workflow_ref": "octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/release/7",
        "run_id": "1",
        "actor": "octocat",
    }
    return Issuer(claims, {"repository_id": "123456", "ref": "refs/heads/release/*", "environment": "production"})


def gitlab():
    """As docs.gitlab.com describes the ID token of a job: `id_tokens` in `.gitlab-ci.yml`."""
    claims = {
        "sub": "project_path:my-group/my-project:ref_type:branch:ref:release/7",
        "namespace_id": "72",
        "namespace_path": "my-group",
        "project_id": "20",
        "project_path": "my-group/my-project",
        "user_id": "1",
        "user_login": "sample-user",
        "user_email": "sample-user@example.com",
        "pipeline_id": "574",
        "pipeline_source": "push",
        "job_id": "302",
        "ref": "release/7",
        "ref_type": "branch",
        "ref_path": "refs/heads/release/7",
        "ref_protected": "true",
        "environment": "production",
        "environment_protected": "true",
        "deployment_tier": "production",
        "runner_id": 1,
        "runner_environment": "gitlab-hosted",
        "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
        "project_visibility": "private",
        "ci_config_ref_uri": "gitlab.example.com/my-group/my-project//.gitlab-ci.yml@refs/heads/release/7",
    }
    return Issuer(claims, {"project_id": "20", "ref_path": "refs/heads/release/*", "ref_protected": "true"})


def kubernetes():
    """As kubernetes.io describes the projected token of a pod."""
    uid = "8c0a6f4e-41c5-4b9e-9d5a-3c8c3c0f0f11"
    claims = {
        "sub": "system:serviceaccount:payments:deployer",
        "kubernetes.io": {
            "namespace": "payments",
            "pod": {"name": "deployer-0", "uid": "0d5a3f4b-7a9b-4d93-9d0c-4d1f2d3e4f50"},
            "serviceaccount": {"name": "deployer", "uid": uid},
        },
    }
    required = {
        "sub": "system:serviceaccount:payments:*",
        "kubernetes.io.namespace": "payments",
        "kubernetes.io.serviceaccount.name": "deployer",
        "kubernetes.io.serviceaccount.uid": uid,
    }
    return Issuer(claims, required)
