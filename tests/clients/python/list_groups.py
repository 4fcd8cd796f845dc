"""Lists the resource groups of a subscription. It knows nothing of another tenant.

ARM_ENDPOINT leads it to the emulator, where instance discovery would leave this machine.
"""

import os

from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient

client = ResourceManagementClient(
    DefaultAzureCredential(disable_instance_discovery=True),
    os.environ["TARGET_SUBSCRIPTION_ID"],
    base_url=os.environ["ARM_ENDPOINT"],
    credential_scopes=["https://management.azure.com/.default"],
)
for group in client.resource_groups.list():
    print(group.name, group.location)
