// Lists the resource groups of a subscription. It knows nothing of another tenant.
//
// ARM_ENDPOINT leads it to the emulator, where instance discovery would leave this machine.

import { ResourceManagementClient } from "@azure/arm-resources";
import { DefaultAzureCredential } from "@azure/identity";

const client = new ResourceManagementClient(
  new DefaultAzureCredential({ disableInstanceDiscovery: true }),
  process.env.TARGET_SUBSCRIPTION_ID,
  {
    endpoint: process.env.ARM_ENDPOINT,
    credentialScopes: "https://management.azure.com/.default",
  },
);
for await (const group of client.resourceGroups.list()) console.log(group.name, group.location);
