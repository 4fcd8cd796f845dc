"""The Azure SDK for Python in the clouds of governments: their authority hosts by their own names, and
their audience for token exchange.
"""

import logging
import os
import socket
import socketserver
import threading
import unittest
from urllib.parse import urlsplit

import jwt
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import AzureAuthorityHosts, ClientAssertionCredential, ManagedIdentityCredential

from emulator import EmulatorTest, loopback_only

STORAGE = "https://storage.azure.com/.default"


class Proxy(socketserver.ThreadingTCPServer):
    """An HTTP proxy that connects every authority host to the emulator (RFC 9110, 9.3.6)."""

    daemon_threads = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.port = port
        self.asked = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Tunnel(socketserver.StreamRequestHandler):
    def handle(self):
        method, target, _ = self.rfile.readline().decode().split()
        while self.rfile.readline().strip():
            pass
        host, _, port = target.partition(":")
        if method != "CONNECT" or port != "443" or not host.startswith("login."):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        self.server.asked.add(host)
        with socket.create_connection(("127.0.0.1", self.server.port)) as emulator:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=copy, args=(emulator, self.connection), daemon=True)
            back.start()
            copy(self.connection, emulator)
            back.join()


def copy(source, destination):
    try:
        while data := source.recv(65536):
            destination.sendall(data)
        destination.shutdown(socket.SHUT_WR)
    except OSError:
        # One of the two ended the connection, which is how it ends.
        pass


class Clouds(EmulatorTest):
    def start_in(self, cloud):
        self.start("--cloud", cloud)
        proxy = Proxy(urlsplit(self.emulator["AZURE_AUTHORITY_HOST"]).port)
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        os.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{proxy.server_address[1]}"
        self.addCleanup(os.environ.pop, "HTTPS_PROXY")
        self.identity = ManagedIdentityCredential(
            client_id=self.emulator["CROSS_TENANT_IDENTITY_CLIENT_ID"]
        )
        return proxy

    def token(self, authority, audience):
        credential = ClientAssertionCredential(
            self.emulator["CROSS_TENANT_TARGET_TENANT_ID"],
            self.emulator["CROSS_TENANT_CLIENT_ID"],
            lambda: self.identity.get_token(audience + "/.default").token,
            authority=authority,
            retry_total=0,
        )
        token = credential.get_token(STORAGE).token
        return jwt.decode(token, options={"verify_signature": False})

    def assert_is_complete(self, cloud, authority, audience):
        proxy = self.start_in(cloud)
        claims = self.token(authority, audience)
        self.assertEqual(claims["tid"], self.emulator["CROSS_TENANT_TARGET_TENANT_ID"])
        self.assertEqual(claims["appid"], self.emulator["CROSS_TENANT_CLIENT_ID"])
        self.assertIn(authority, proxy.asked)

    def test_us_government(self):
        self.assert_is_complete(
            "us-government", AzureAuthorityHosts.AZURE_GOVERNMENT, "api://AzureADTokenExchangeUSGov"
        )

    def test_china(self):
        self.assert_is_complete(
            "china", AzureAuthorityHosts.AZURE_CHINA, "api://AzureADTokenExchangeChina"
        )

    def test_public(self):
        self.assert_is_complete(
            "public", AzureAuthorityHosts.AZURE_PUBLIC_CLOUD, "api://AzureADTokenExchange"
        )

    def test_another_clouds_audience_is_refused(self):
        self.start_in("us-government")
        with self.assertRaises(ClientAuthenticationError) as refused:
            self.identity.get_token("api://AzureADTokenExchange/.default")
        self.assertIn("AADSTS500011", str(refused.exception))

    def test_another_clouds_authority_does_not_know_the_tenant(self):
        self.start_in("us-government")
        with self.assertRaises(Exception) as refused:
            self.token(AzureAuthorityHosts.AZURE_PUBLIC_CLOUD, "api://AzureADTokenExchangeUSGov")
        self.assertIn("tenant", str(refused.exception).lower())


if __name__ == "__main__":
    # The SDK logs each refusal at length, also those that a test expects.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    loopback_only()
    unittest.main()
