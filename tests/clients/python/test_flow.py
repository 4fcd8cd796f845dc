"""The scenario of Contoso and Litware, told by the Azure SDK for Python and by MSAL.

The emulator was written from the documents alone, and so was the library; these clients were
written by neither. `EMULATOR` names the emulator's program, `OURS` the example that lists resource
groups with our credential: each refusal has to have the same code for all of them.
"""

import logging
import os
import re
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

from emulator import ARM, EXCHANGE, EmulatorTest, loopback_only


class Story(EmulatorTest):
    """One test's emulator, and the clients that take part."""

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
        self.start()
        groups = self.groups(self.credential())
        self.assertEqual(groups, [("NetworkWatcherRG", "northeurope")])

    def test_msal_gets_both_tokens(self):
        self.start()
        assertion = self.msal_assertion()
        self.assertIn("access_token", assertion, assertion)
        answer = self.msal_answer()
        self.assertIn("access_token", answer, answer)
        claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
        self.assertEqual(claims["tid"], self.emulator["CROSS_TENANT_TARGET_TENANT_ID"])
        self.assertEqual(claims["appid"], self.emulator["CROSS_TENANT_CLIENT_ID"])

    def test_home_comes_first(self):
        self.start()
        token = self.credential(self.emulator["HOME_TENANT_ID"])
        token = token.get_token("https://storage.azure.com/.default").token
        claims = jwt.decode(token, options={"verify_signature": False})
        self.assertEqual(claims["tid"], self.emulator["HOME_TENANT_ID"])

    def test_an_app_of_litwares_own_is_refused(self):
        self.start("--without", "home-registration")
        self.assert_refused("AADSTS700236")

    def test_an_app_that_litware_did_not_provision_is_refused(self):
        self.start("--without", "service-principal")
        self.assert_refused("AADSTS7000229")

    def test_an_app_without_federated_credential_is_refused(self):
        self.start("--without", "federated-credential")
        self.assert_refused("AADSTS70025")

    def test_a_single_tenant_app_is_refused(self):
        self.start("--without", "multi-tenant")
        self.assert_refused("AADSTS700016")

    def test_without_a_role_nothing_is_listed(self):
        self.start("--without", "role")
        with self.assertRaises(HttpResponseError) as refused:
            self.groups(self.credential())
        self.assertEqual(refused.exception.status_code, 403)
        self.assertEqual(refused.exception.error.code, "AuthorizationFailed")

    def test_an_identity_that_the_host_does_not_have_is_unavailable(self):
        self.start()
        stranger = ManagedIdentityCredential(client_id=self.emulator["CROSS_TENANT_CLIENT_ID"])
        with self.assertRaises((ClientAuthenticationError, CredentialUnavailableError)) as refused:
            stranger.get_token(EXCHANGE)
        self.assertIn("Identity not found", str(refused.exception))

    def test_tokens_verify_against_the_published_keys(self):
        self.start()
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
        self.start()
        del os.environ["REQUESTS_CA_BUNDLE"]
        with self.assertRaises(Exception) as refused:
            self.credential(retry_total=0).get_token(ARM + "/.default")
        self.assertIn("certificate verify failed", str(refused.exception).lower())


if __name__ == "__main__":
    # What is refused on purpose would be told at length.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    loopback_only()
    unittest.main()
