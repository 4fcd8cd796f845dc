"""The story of Contoso and Litware, told by the Azure SDK for Python and by MSAL.

The emulator was written from the documents alone, and so was the library; these clients were
written by neither. `EMULATOR` names the emulator's program, `OURS` the example that lists resource
groups with our credential: each refusal has to have the same code for all of them.
"""

import ipaddress
import logging
import os
import re
import shlex
import socket
import ssl
import subprocess
import unittest

import jwt
import msal
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import (
    ClientAssertionCredential,
    CredentialUnavailableError,
    ManagedIdentityCredential,
)
from azure.mgmt.resource.resources import ResourceManagementClient

EXCHANGE = "api://AzureADTokenExchange/.default"
ARM = "https://management.azure.com"

# Variables of the machine that runs this must not lead its requests elsewhere.
FOREIGN = (
    "http_proxy", "https_proxy", "all_proxy",
    "identity_endpoint", "identity_header", "imds_endpoint", "msi_endpoint", "msi_secret",
    "azure_tenant_id", "azure_client_id", "azure_federated_token_file",
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


class Story(unittest.TestCase):
    """One test's emulator, and the clients that take part."""

    def tell(self, *arguments):
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

    def credential(self, tenant_id=None, **kwargs):
        identity = ManagedIdentityCredential(client_id=self.emulator["CROSS_TENANT_IDENTITY_CLIENT_ID"])
        return ClientAssertionCredential(
            tenant_id or self.emulator["CROSS_TENANT_TARGET_TENANT_ID"],
            self.emulator["CROSS_TENANT_CLIENT_ID"],
            lambda: identity.get_token(EXCHANGE).token,
            authority=self.emulator["AZURE_AUTHORITY_HOST"],
            disable_instance_discovery=True,
            **kwargs,
        )

    def groups(self, credential):
        client = ResourceManagementClient(
            credential,
            self.emulator["TARGET_SUBSCRIPTION_ID"],
            base_url=self.emulator["ARM_ENDPOINT"],
            credential_scopes=[ARM + "/.default"],
        )
        return [(group.name, group.location) for group in client.resource_groups.list()]

    def msal_assertion(self):
        client = msal.ManagedIdentityClient(
            msal.UserAssignedManagedIdentity(client_id=self.emulator["CROSS_TENANT_IDENTITY_CLIENT_ID"]),
            http_client=requests.Session(),
        )
        return client.acquire_token_for_client(resource=EXCHANGE.removesuffix("/.default"))

    def msal_answer(self):
        """What MSAL gets for the assertion that MSAL got."""
        app = msal.ConfidentialClientApplication(
            self.emulator["CROSS_TENANT_CLIENT_ID"],
            authority=f"{self.emulator['AZURE_AUTHORITY_HOST']}/{self.emulator['CROSS_TENANT_TARGET_TENANT_ID']}",
            client_credential={"client_assertion": lambda: self.msal_assertion()["access_token"]},
            instance_discovery=False,
            http_client=requests.Session(),
        )
        return app.acquire_token_for_client([ARM + "/.default"])

    def our_code(self):
        # The way to Resource Manager is closed: this is about the token.
        closed = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
        plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        ours = subprocess.run(
            [os.environ["OURS"]],
            env={**plain, **self.emulator.exports, **closed, "NO_PROXY": "localhost,127.0.0.1",
                 "no_proxy": "localhost,127.0.0.1"},
            capture_output=True, text=True, timeout=60,
        )
        self.assertEqual(ours.returncode, 1, ours.stderr)
        return re.search(r"AADSTS\d+", ours.stderr)[0]

    def assert_refused(self, code):
        with self.assertRaises(ClientAuthenticationError) as refused:
            self.credential().get_token(ARM + "/.default")
        self.assertIn(f"{code}:", str(refused.exception))
        answer = self.msal_answer()
        self.assertIn(f"{code}:", answer.get("error_description", "no refusal"))
        self.assertEqual(answer["error_codes"], [int(code.removeprefix("AADSTS"))])
        self.assertEqual(self.our_code(), code)

    def test_the_resource_groups_of_litware_are_listed(self):
        self.tell()
        groups = self.groups(self.credential())
        self.assertEqual(groups, [("NetworkWatcherRG", "northeurope")])

    def test_msal_gets_both_tokens(self):
        self.tell()
        assertion = self.msal_assertion()
        self.assertIn("access_token", assertion, assertion)
        answer = self.msal_answer()
        self.assertIn("access_token", answer, answer)
        claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
        self.assertEqual(claims["tid"], self.emulator["CROSS_TENANT_TARGET_TENANT_ID"])
        self.assertEqual(claims["appid"], self.emulator["CROSS_TENANT_CLIENT_ID"])

    def test_home_comes_first(self):
        self.tell()
        token = self.credential(self.emulator["HOME_TENANT_ID"])
        token = token.get_token("https://storage.azure.com/.default").token
        claims = jwt.decode(token, options={"verify_signature": False})
        self.assertEqual(claims["tid"], self.emulator["HOME_TENANT_ID"])

    def test_an_app_of_litwares_own_is_refused(self):
        self.tell("--without", "home-registration")
        self.assert_refused("AADSTS700236")

    def test_an_app_that_litware_did_not_provision_is_refused(self):
        self.tell("--without", "service-principal")
        self.assert_refused("AADSTS7000229")

    def test_an_app_without_federated_credential_is_refused(self):
        self.tell("--without", "federated-credential")
        self.assert_refused("AADSTS70025")

    def test_a_single_tenant_app_is_refused(self):
        self.tell("--without", "multi-tenant")
        self.assert_refused("AADSTS700016")

    def test_without_a_role_nothing_is_listed(self):
        self.tell("--without", "role")
        with self.assertRaises(HttpResponseError) as refused:
            self.groups(self.credential())
        self.assertEqual(refused.exception.status_code, 403)
        self.assertEqual(refused.exception.error.code, "AuthorizationFailed")

    def test_an_identity_that_the_host_does_not_have_is_unavailable(self):
        self.tell()
        stranger = ManagedIdentityCredential(client_id=self.emulator["CROSS_TENANT_CLIENT_ID"])
        with self.assertRaises((ClientAuthenticationError, CredentialUnavailableError)) as refused:
            stranger.get_token(EXCHANGE)
        self.assertIn("Identity not found", str(refused.exception))

    def test_tokens_verify_against_the_published_keys(self):
        self.tell()
        tenant_id = self.emulator["CROSS_TENANT_TARGET_TENANT_ID"]
        context = ssl.create_default_context(cafile=self.emulator["REQUESTS_CA_BUNDLE"])
        # The default from Python 3.13 on.
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        keys = jwt.PyJWKClient(
            f"{self.emulator['AZURE_AUTHORITY_HOST']}/{tenant_id}/discovery/v2.0/keys",
            ssl_context=context,
        )
        token = self.credential().get_token(ARM + "/.default").token
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=ARM,
            issuer=f"https://sts.windows.net/{tenant_id}/",
            options={"require": ["exp", "nbf", "iat", "oid", "tid", "appid"]},
        )
        self.assertEqual(claims["appid"], self.emulator["CROSS_TENANT_CLIENT_ID"])
        self.assertEqual(claims["tid"], tenant_id)

        # The same keys verify the assertion, which is for another audience.
        identity = ManagedIdentityCredential(client_id=self.emulator["CROSS_TENANT_IDENTITY_CLIENT_ID"])
        assertion = identity.get_token(EXCHANGE).token
        claims = jwt.decode(
            assertion,
            keys.get_signing_key_from_jwt(assertion),
            algorithms=["RS256"],
            audience="fb60f99c-7a34-4190-8149-302f77469936",
            issuer=f"https://login.microsoftonline.com/{self.emulator['HOME_TENANT_ID']}/v2.0",
        )
        self.assertEqual(claims["sub"], self.emulator["IDENTITY_PRINCIPAL_ID"])

    def test_tls_is_verified(self):
        # Without the emulator's CA none of this works, so what does is verified.
        self.tell()
        del os.environ["REQUESTS_CA_BUNDLE"]
        with self.assertRaises(Exception) as refused:
            self.credential(retry_total=0).get_token(ARM + "/.default")
        self.assertIn("certificate verify failed", str(refused.exception).lower())


if __name__ == "__main__":
    # What is refused on purpose would be told at length.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    loopback_only()
    unittest.main()
