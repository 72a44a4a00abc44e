"""Each gateway with the configuration file beside this one, which is what the documentation shows.

A file is written for the ports 8585 (Tessera), 9000 (the application) and 8080 (the gateway), and for one persona. A
test puts its own in their places and changes nothing else; around the file there is only what any installation has.
"""

import datetime
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from servers import free_port

HERE = Path(__file__).parent
# Debian's servers are in /usr/sbin; those from PyPI beside the interpreter.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin"


class Gateway:
    """One running gateway."""

    name: str
    # What it answers for a key that Tessera answers 403 or 429 for, or when Tessera does not answer.
    foreign = 403
    rate_limited = 429
    down = 503
    # Whether it tells Tessera what is in the query string of the client.
    tells_query = True

    def __init__(self, directory, tessera, upstream, persona):
        self.directory = directory
        self.tessera = tessera
        self.port = free_port()
        self.replacements = {
            "127.0.0.1:8585": f"127.0.0.1:{tessera.port}",
            "127.0.0.1:9000": f"127.0.0.1:{upstream.port}",
            "127.0.0.1:8080": f"127.0.0.1:{self.port}",
            "port_value: 8585": f"port_value: {tessera.port}",
            "port_value: 9000": f"port_value: {upstream.port}",
            "port_value: 8080": f"port_value: {self.port}",
            "default/ops": persona,
        }

    def __enter__(self):
        command = self.command()
        with open(self.directory / "output.txt", "ab") as output:
            self.process = subprocess.Popen(
                [shutil.which(command[0], path=PATH), *command[1:]],
                cwd=self.directory,
                env=os.environ | {"PATH": PATH},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        while not self.is_ready():
            output = (self.directory / "output.txt").read_text()[-4000:]
            assert self.process.poll() is None, f"{self.name} ended at start:\n{output}"
            assert time.monotonic() < deadline, f"{self.name} is not ready after 60 s:\n{output}"
            time.sleep(0.05)

    def is_ready(self):
        try:
            with self.client() as client:
                return client.get("/").status_code == 401
        except httpx.TransportError:
            return False

    def client(self, token=None, address="127.0.0.1"):
        """A client of the gateway at a loopback address of its choice."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}".strip()}
        transport = httpx.HTTPTransport(local_address=address)
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, transport=transport, trust_env=False, timeout=30
        )

    def filled(self, name):
        """The path of a documented file with the values of this test."""
        text = (HERE / name).read_text()
        for written, meant in self.replacements.items():
            text = text.replace(written, meant)
        return self.write(name, text)

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def command(self):
        """Writes what is needed and returns the command line, to run in the foreground."""
        raise NotImplementedError


class Nginx(Gateway):
    name = "nginx"

    def command(self):
        snippet = self.filled("nginx.conf")
        main = f"""
            daemon off;
            master_process off;
            pid nginx.pid;
            error_log stderr;
            events {{ }}
            http {{
                access_log off;
                client_body_temp_path body;
                proxy_temp_path proxy;
                include {snippet};
            }}
        """
        return ["nginx", "-e", "stderr", "-p", self.directory, "-c", self.write("main.conf", main)]


class Caddy(Gateway):
    name = "caddy"
    down = 502

    def command(self):
        snippet = self.filled("Caddyfile").read_text()
        main = self.write("Caddyfile", "{\n\tadmin off\n}\n" + snippet)
        return ["caddy", "run", "--adapter", "caddyfile", "--config", main]


class Traefik(Gateway):
    name = "traefik"
    down = 500

    def command(self):
        snippet = self.filled("traefik-dynamic.yml")
        entry_point = f"--entryPoints.web.address=127.0.0.1:{self.port}"
        return ["traefik", f"--providers.file.filename={snippet}", entry_point, "--global.checkNewVersion=false"]


class Envoy(Gateway):
    name = "envoy"
    file = "envoy.yaml"
    tells_query = False

    def command(self):
        snippet = self.filled(self.file)
        return ["envoy", "-c", snippet, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]


class EnvoyPrefix(Envoy):
    """With the client's path and query behind the path of Tessera, as docs/gateways.md says."""

    tells_query = True

    def command(self):
        self.replacements |= {
            "path_override: /gateway/verify\n": "path_prefix: /gateway/verify\n",
            "{ exact: accept }]": "{ exact: accept }, { exact: dpop }, { exact: x-forwarded-proto }]",
        }
        return super().command()


class Haproxy(Gateway):
    name = "haproxy"

    def command(self):
        self.replacements["/etc/haproxy/tessera.lua"] = str(self.filled("tessera.lua"))
        return ["haproxy", "-db", "-f", self.filled("haproxy.cfg")]


class Apache(Gateway):
    """With token introspection, which knows neither addresses nor the statuses of Tessera."""

    name = "apache"
    file = "apache.conf"
    foreign = 401
    # It introspects, and that takes nothing from a limit.
    rate_limited = 200
    down = 401
    tells_query = False

    def command(self):
        with self.tessera.admin() as admin:
            own = admin.create("apache", workspacePermissions=["VERIFY_TOKENS"])
        certificate, key = self.certificate()
        tls = free_port()
        self.replacements |= {
            "127.0.0.1:8586": f"127.0.0.1:{tls}",
            "apikey-00000000-0000-0000-0000-000000000000": own["attributes"]["clientId"],
            "tsk_of_apache": own["attributes"]["accessToken"],
            "/etc/ssl/certs/ssl-cert-snakeoil.pem": str(certificate),
            "/etc/ssl/private/ssl-cert-snakeoil.key": str(key),
        }
        modules = "mpm_event authn_core authz_core authz_user auth_openidc headers proxy proxy_http socache_shmcb ssl"
        load = "\n".join(f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so" for each in modules.split())
        main = f"""
{load}
ServerName localhost
ServerRoot {self.directory}
DefaultRuntimeDir {self.directory}
PidFile {self.directory}/apache.pid
ErrorLog {self.directory}/error.txt
Listen 127.0.0.1:{self.port}
Listen 127.0.0.1:{tls}
{"User www-data" if os.geteuid() == 0 else ""}
{"Group www-data" if os.geteuid() == 0 else ""}
Include {self.filled(self.file)}
"""
        return ["apache2", "-DFOREGROUND", "-f", self.write("main.conf", main)]

    def certificate(self):
        """A certificate for the loopback interface, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        certificate = builder.not_valid_after(now + datetime.timedelta(days=2)).sign(key, hashes.SHA256())
        pem = serialization.Encoding.PEM
        pkcs8 = serialization.PrivateFormat.PKCS8
        secret = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
        public = certificate.public_bytes(pem)
        return self.write("certificate.pem", public.decode()), self.write("key.pem", secret.decode())


class EnvoyJwt(Envoy):
    """With jwt_authn, which checks tokens by itself."""

    file = "envoy-jwt.yaml"


class ApacheJwt(Apache):
    """With the published keys, with which it checks tokens by itself."""

    file = "apache-jwt.conf"


GATEWAYS = {gateway.name: gateway for gateway in (Nginx, Caddy, Traefik, Envoy, Haproxy, Apache)}
