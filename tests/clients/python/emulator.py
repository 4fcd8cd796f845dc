"""The emulator's program, and tests that use it: nothing of the machine that runs them takes part."""

import ipaddress
import os
import shlex
import socket
import subprocess
import unittest

EXCHANGE = "api://AzureADTokenExchange/.default"
ARM = "https://management.azure.com"

# Variables of the machine that runs this must not lead its requests elsewhere.
FOREIGN = (
    "http_proxy", "https_proxy", "all_proxy",
    "identity_endpoint", "identity_header", "identity_server_thumbprint", "imds_endpoint",
    "msi_endpoint", "msi_secret", "default_identity_client_id",
    "azure_tenant_id", "azure_client_id", "azure_federated_token_file",
    "azure_authority_host", "azure_pod_identity_authority_host",
    "requests_ca_bundle", "curl_ca_bundle", "ssl_cert_file", "ssl_cert_dir",
)


def loopback_only():
    """Refuses every connection but those to this machine, whoever tries to open it.

    Outside of Azure, 169.254.169.254 can be somebody else's metadata service.
    """
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            if not ipaddress.ip_address(address[0]).is_loopback:
                raise AssertionError(f"a connection to {address[0]} was tried")
        return connect(self, address)

    socket.socket.connect = guarded


class Emulator:
    """The emulator's program, running, and the variables it printed."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["EMULATOR"], *arguments], stdout=subprocess.PIPE, text=True
        )
        self.exports = {}
        for line in self.process.stdout:
            if line.startswith("export "):
                name, _, value = line[len("export "):].strip().partition("=")
                self.exports[name] = shlex.split(value)[0]
                if name == "no_proxy":
                    return
        raise RuntimeError(f"the emulator ended with {self.process.wait()}")

    def __getitem__(self, name):
        return self.exports[name]

    def stop(self):
        self.process.terminate()
        self.process.stdout.close()
        return self.process.wait(timeout=10)


class EmulatorTest(unittest.TestCase):
    """A test with an emulator of its own."""

    def start(self, *arguments):
        for name in FOREIGN:
            os.environ.pop(name, None)
            os.environ.pop(name.upper(), None)
        self.emulator = Emulator(*arguments)
        self.addCleanup(self.stop)
        for name in ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "REQUESTS_CA_BUNDLE"):
            os.environ[name] = self.emulator[name]
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1"

    def stop(self):
        self.assertEqual(self.emulator.stop(), 0, "the emulator stops cleanly")
        self.assertFalse(os.path.exists(self.emulator["REQUESTS_CA_BUNDLE"]))
