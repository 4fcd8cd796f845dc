"""The Azure SDK for Python on each host that the emulator plays: `ManagedIdentityCredential` and
`WorkloadIdentityCredential`, each up to a token of the target tenant.
"""

import logging
import os
import unittest

import jwt
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    ClientAssertionCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from emulator import ARM, EXCHANGE, EmulatorTest, loopback_only

ARC_KEYS = "/var/opt/azcmagent/tokens"


def can_write_arc_keys():
    try:
        os.makedirs(ARC_KEYS, exist_ok=True)
    except OSError:
        return False
    return os.access(ARC_KEYS, os.W_OK)


class Hosts(EmulatorTest):
    def start_on(self, host):
        self.start("--host", host)
        for name, value in self.emulator.exports.items():
            if name.startswith(("IDENTITY_", "IMDS_", "MSI_", "DEFAULT_", "AZURE_FEDERATED_")):
                os.environ[name] = value

    def assertion(self, credential):
        """The claims of the token that the host gave."""
        token = credential.get_token(EXCHANGE).token
        claims = jwt.decode(token, options={"verify_signature": False})
        self.assertEqual(claims["aud"], "fb60f99c-7a34-4190-8149-302f77469936")
        return claims

    def assert_reaches_the_target(self, identity):
        """The whole flow: the host's token is the assertion for a token of the target tenant."""
        credential = ClientAssertionCredential(
            self.emulator["CROSS_TENANT_TARGET_TENANT_ID"],
            self.emulator["CROSS_TENANT_CLIENT_ID"],
            lambda: identity.get_token(EXCHANGE).token,
            authority=self.emulator["AZURE_AUTHORITY_HOST"],
            disable_instance_discovery=True,
        )
        self.assert_is_of_the_target(credential)

    def assert_is_of_the_target(self, credential):
        token = credential.get_token(ARM + "/.default").token
        claims = jwt.decode(token, options={"verify_signature": False})
        self.assertEqual(claims["tid"], self.emulator["CROSS_TENANT_TARGET_TENANT_ID"])
        self.assertEqual(claims["appid"], self.emulator["CROSS_TENANT_CLIENT_ID"])

    def by_client_id(self):
        return ManagedIdentityCredential(client_id=self.emulator["CROSS_TENANT_IDENTITY_CLIENT_ID"])

    def assert_takes_client_ids(self, host):
        self.start_on(host)
        identity = self.by_client_id()
        self.assertEqual(self.assertion(identity)["sub"], self.emulator["IDENTITY_PRINCIPAL_ID"])
        self.assert_reaches_the_target(identity)
        stranger = ManagedIdentityCredential(client_id=self.emulator["CROSS_TENANT_CLIENT_ID"])
        with self.assertRaises(ClientAuthenticationError):
            stranger.get_token(EXCHANGE)

    def test_imds(self):
        self.assert_takes_client_ids("imds")

    def test_app_service(self):
        self.assert_takes_client_ids("app-service")

    def test_azure_ml(self):
        self.assert_takes_client_ids("azure-ml")

    def test_service_fabric(self):
        self.start_on("service-fabric")
        identity = ManagedIdentityCredential()
        self.assertEqual(self.assertion(identity)["sub"], self.emulator["IDENTITY_PRINCIPAL_ID"])
        self.assert_reaches_the_target(identity)

    def test_service_fabric_with_another_thumbprint_is_refused(self):
        self.start_on("service-fabric")
        os.environ["IDENTITY_SERVER_THUMBPRINT"] = "0" * 40
        with self.assertRaises(Exception) as refused:
            ManagedIdentityCredential(retry_total=0).get_token(EXCHANGE)
        self.assertIn("thumbprint", str(refused.exception))

    @unittest.skipUnless(can_write_arc_keys(), f"{ARC_KEYS} cannot be written")
    def test_azure_arc(self):
        self.start_on("arc")
        identity = ManagedIdentityCredential()
        # The system-assigned identity of the machine, and not the scenario's.
        self.assertNotEqual(self.assertion(identity)["sub"], self.emulator["IDENTITY_PRINCIPAL_ID"])
        self.assert_reaches_the_target(identity)

    def test_workload_identity(self):
        self.start_on("workload-identity")
        credential = WorkloadIdentityCredential(
            tenant_id=self.emulator["CROSS_TENANT_TARGET_TENANT_ID"],
            client_id=self.emulator["CROSS_TENANT_CLIENT_ID"],
            authority=self.emulator["AZURE_AUTHORITY_HOST"],
            disable_instance_discovery=True,
        )
        self.assert_is_of_the_target(credential)


if __name__ == "__main__":
    # The SDK logs each refusal at length, also those that a test expects.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    loopback_only()
    unittest.main()
