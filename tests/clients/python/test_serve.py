"""An unmodified program of the Azure SDK for Python gets Litware's tokens from `serve` by https.

`EMULATOR` names the emulator's program, `PROGRAM` that of cross-tenant-identity.
"""

import datetime
import ipaddress
import json
import os
import subprocess
import sys
import tempfile
import unittest

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulator import Emulator

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "list_groups.py")
SECRET = "0123456789abcdef0123456789abcdef"


def certificate():
    """For 127.0.0.1, signed by its own key; and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "serve")])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    return made.public_bytes(pem), key.private_bytes(pem, form, serialization.NoEncryption())


class Serve(unittest.TestCase):
    def setUp(self):
        self.emulator = Emulator()
        self.addCleanup(self.emulator.stop)
        self.plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        chain, key = certificate()
        self.certificate = self.write(folder.name, "tls.crt", chain)
        config = self.write(folder.name, "serve.json", json.dumps({
            "listen": "0.0.0.0:0",
            "networks": ["127.0.0.0/8"],
            "tls": {
                "certificate_file": self.certificate,
                "private_key_file": self.write(folder.name, "tls.key", key),
            },
            "clients": [{
                "name": "reports",
                "secret": SECRET,
                "target_tenant_id": self.emulator["CROSS_TENANT_TARGET_TENANT_ID"],
                "resources": ["https://management.azure.com"],
            }],
        }).encode())
        # Both authorities: that of the emulator is for Resource Manager.
        with open(self.emulator["REQUESTS_CA_BUNDLE"], "rb") as file:
            self.both = self.write(folder.name, "both.pem", file.read() + chain)
        self.serve = subprocess.Popen(
            [os.environ["PROGRAM"], "serve", "--config", config],
            env={**self.plain, **self.emulator.exports}, stderr=subprocess.PIPE, text=True,
        )
        self.addCleanup(self.stop)
        for line in self.serve.stderr:
            event = json.loads(line)
            if event["message"] == "ready":
                self.url = event["url"].replace("0.0.0.0", "127.0.0.1")
                return
        self.fail("it has ended")

    def write(self, folder, name, content):
        path = os.path.join(folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(content)
        return path

    def stop(self):
        self.serve.terminate()
        self.serve.stderr.close()
        self.assertEqual(self.serve.wait(timeout=60), 0)

    def run_script(self, trusted):
        kept = ("TARGET_SUBSCRIPTION_ID", "ARM_ENDPOINT", "NO_PROXY", "no_proxy")
        return subprocess.run(
            [sys.executable, SCRIPT],
            env={
                **self.plain,
                **{name: self.emulator[name] for name in kept},
                "IDENTITY_ENDPOINT": self.url,
                "IDENTITY_HEADER": SECRET,
                "REQUESTS_CA_BUNDLE": trusted,
            },
            capture_output=True, text=True, timeout=120,
        )

    def test_the_resource_groups_of_litware_are_listed_by_https(self):
        self.assertTrue(self.url.startswith("https://"))
        ended = self.run_script(self.both)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(ended.stdout, "NetworkWatcherRG northeurope\n")


if __name__ == "__main__":
    unittest.main()
