"""A private certificate authority."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Certificate:
    """The PEM files of a server's certificate, of its key, and of the authority's certificate."""

    chain: Path
    key: Path
    authority: Path


class Authority:
    """Issues certificates that are valid for two days, into a folder."""

    def __init__(self, folder, name="Tessera's tests"):
        self.folder = folder
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        own = self.begin(self.name, self.key.public_key())
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.file = self.write("authority.pem", own.sign(self.key, hashes.SHA256()))

    def certificate(self, address):
        """A certificate for this IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        begun = self.begin(x509.Name([]), key.public_key()).add_extension(names, critical=True)
        chain = self.write(f"{address}.pem", begun.sign(self.key, hashes.SHA256()))
        unprotected = serialization.NoEncryption()
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key_file = self.folder / f"{address}.key"
        key_file.write_bytes(key.private_bytes(encoding, form, unprotected))
        return Certificate(chain, key_file, self.file)

    def begin(self, subject, public_key):
        now = datetime.datetime.now(datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)

    def write(self, name, certificate):
        file = self.folder / name
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return file
